"""Patterns of dates, as ``datetime.strptime`` takes them: whether one says enough."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime

__all__ = ["reads_what_it_writes"]


def reads_what_it_writes(pattern: str) -> bool:
    """Return whether *pattern* reads the date that it writes, and the hour if it has one.

    ``%Q`` means nothing, ``%m/%d`` forgets the year, ``%I`` without ``%p`` takes the evening for the morning.
    """
    written = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)
    try:
        with warnings.catch_warnings(action="error"):
            read = datetime.strptime(written.strftime(pattern), pattern)  # noqa: DTZ007 - only compared
    except (ValueError, Warning):
        return False
    return read.date() == written.date() and read.hour in (0, written.hour)
