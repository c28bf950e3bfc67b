"""Moments as people write them on a command line."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from crmkit.core.errors import CrmkitError
from crmkit.core.text import gettext as _

__all__ = ["NoMomentError", "end_of"]


class NoMomentError(CrmkitError):
    """What was given is no day and no time with its offset."""

    code = "no-moment"
    template = _("{given!r} is no day and no time. Give 2026-12-31, or 2026-12-31T18:00+01:00.")

    def __init__(self, given: str) -> None:
        """Name what was *given*."""
        super().__init__(given=given)


def end_of(given: str, zone: str) -> datetime:
    """Return the moment that *given* is, or the end of the day that it is in the time zone *zone*.

    Raises:
        NoMomentError: it is neither.
    """
    try:
        return datetime.combine(date.fromisoformat(given) + timedelta(days=1), time.min, ZoneInfo(zone))
    except (ValueError, OverflowError):
        pass
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise NoMomentError(given) from None
    if moment.tzinfo is None:
        raise NoMomentError(given)
    return moment
