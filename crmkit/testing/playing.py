"""Letting time pass: a worker does what becomes due, at the moment at which it is due."""

from __future__ import annotations

from datetime import datetime, timedelta

from crmkit.core.clock import FixedClock
from crmkit.core.jobs.worker import Worker

__all__ = ["play"]


def play(worker: Worker, until: datetime | timedelta) -> datetime:
    """Let *worker* do everything that is due up to *until*, and return the moment at which the clock then stands.

    The clock of the worker's CRM jumps from one due time to the next, so that hours of schedules, retries and reminders
    take as long as their work. *until* is a moment, or how long from now.

    Raises:
        TypeError: the CRM runs on another clock than a :class:`FixedClock`.
    """
    clock = worker.crm.clock
    if not isinstance(clock, FixedClock):
        raise TypeError(f"time passes by itself on a {type(clock).__name__}; give the CRM a FixedClock")
    end = clock.now() + until if isinstance(until, timedelta) else until
    worker.run_until_idle()
    while (due := worker.next_due()) is not None and due <= end:
        clock.travel(max(due, clock.now()))
        worker.run_until_idle()
    clock.travel(end)
    worker.run_until_idle()
    return end
