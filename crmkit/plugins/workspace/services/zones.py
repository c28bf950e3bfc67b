"""In which time zone people live, and when their day begins."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from crmkit import User

__all__ = ["at_nine", "earlier", "zone_of"]

_MORNING = time(9)
_DAY = 24 * 60


class _Acts(Protocol):
    @property
    def time_zone(self) -> str: ...


def zone_of(principal: _Acts, user: User | None) -> ZoneInfo:
    """Return the time zone of *user*, or that of *principal* where nobody knows it."""
    try:
        return ZoneInfo(user.time_zone if user else principal.time_zone)
    except (KeyError, ValueError, OSError):
        # A row that another program wrote, or a zone that is no more.
        return ZoneInfo(principal.time_zone)


def at_nine(day: date, zone: ZoneInfo) -> datetime:
    """Return nine in the morning of *day* in *zone*, in UTC."""
    return datetime.combine(day, _MORNING, zone).astimezone(UTC)


def earlier(moment: datetime, minutes: int, zone: ZoneInfo) -> datetime:
    """Return *minutes* before *moment*, in UTC. Whole days are days of the calendar in *zone*, 23 to 25 hours long."""
    days, rest = divmod(minutes, _DAY)
    return (moment.astimezone(zone) - timedelta(days=days)).astimezone(UTC) - timedelta(minutes=rest)
