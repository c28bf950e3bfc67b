"""When, and for whom, a rule is evaluated."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from uuid import UUID

import attrs

__all__ = ["Moment"]


@attrs.frozen
class Moment:
    """What ``now()``, ``today()``, ``me()`` and ``my_team()`` mean, resolved once for a whole evaluation."""

    now: datetime
    today: date
    me: UUID | None = None
    my_team: UUID | None = None

    @classmethod
    def at(cls, now: datetime, zone: tzinfo = UTC, me: UUID | None = None, my_team: UUID | None = None) -> Moment:
        """Return the moment *now*, whose day is that of *zone*."""
        return cls(now.astimezone(UTC), now.astimezone(zone).date(), me, my_team)

    def value(self, name: str, offset: timedelta = timedelta()) -> Any:
        """Return what the function *name* gives, moved by *offset*; the calendar's ends hold what goes beyond."""
        found = getattr(self, name)
        if not offset:
            return found
        try:
            return found + offset
        except OverflowError:
            end = type(found).max if offset > timedelta() else type(found).min
            return end.replace(tzinfo=UTC) if isinstance(end, datetime) else end
