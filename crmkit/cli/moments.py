"""Moments as people write them on a command line."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from crmkit.core.errors import CrmkitError
from crmkit.core.text import gettext as _

__all__ = ["NoMomentError", "end_of", "until"]

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_LENGTH = re.compile(r"([1-9][0-9]{0,4})([hdw])\Z")


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


def until(given: str, now: datetime, zone: str) -> datetime:
    """Return the moment so far after *now* as *given* says, such as ``30d``; or else what :func:`end_of` returns.

    Raises:
        NoMomentError: it is neither.
    """
    found = _LENGTH.match(given)
    return now + int(found[1]) * _UNITS[found[2]] if found else end_of(given, zone)
