"""``crmkit worker``: deliver events and do jobs until told to stop."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import click

from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.text import gettext as _, translate

__all__ = ["command"]


@click.command("worker", help=COMMANDS["worker"])
@click.option(
    "--threads",
    type=click.IntRange(1, 64),
    default=4,
    show_default=True,
    help=_("How many pieces of work are done at once."),
)
@click.option("--until-idle", is_flag=True, help=_("Stop when nothing is due any more."))
@click.pass_obj
def command(session: Session, threads: int, until_idle: bool) -> None:
    """Work until a signal says stop; what runs then is finished first, and a second signal ends that too."""
    from crmkit.core.jobs.worker import Worker

    worker = Worker(session.crm, threads=threads)
    session.say(translate(_("Working as {owner}; stop with Ctrl+C.")).format(owner=worker.owner))
    try:
        if until_idle:
            worker.run_until_idle()
        else:
            with _stopping() as stop:
                worker.run(stop)
    finally:
        worker.close()
    session.say(translate(_("Stopped; nothing is left half done.")))


@contextmanager
def _stopping() -> Iterator[Event]:
    """Give an event that the first signal sets; the second does what it does by default."""
    stop, before = Event(), {}

    def hear(number: int, _frame: Any) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        before[number] = signal.signal(number, hear)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
