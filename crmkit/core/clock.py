"""Time is injected, so that tests travel and nothing sleeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

__all__ = ["Clock", "FixedClock", "SystemClock"]


class Clock(Protocol):
    """Tells what time it is."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still until it is told to move."""

    def __init__(self, at: datetime) -> None:
        """Start at *at*, which must be aware."""
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        """Return the moment at which the clock stands."""
        return self._at

    def advance(self, **by: float) -> datetime:
        """Move on by ``timedelta(**by)`` and return the new moment."""
        self._at += timedelta(**by)
        return self._at

    def travel(self, to: datetime) -> datetime:
        """Jump to *to*, forwards or backwards, and return it."""
        self._at = to.astimezone(UTC)
        return self._at
