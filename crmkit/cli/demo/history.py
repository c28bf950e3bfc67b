"""The calendar of the demo company: who worked when, and what everybody's plugins made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

import attrs

from crmkit.cli.demo.company import found_company
from crmkit.core.clock import FixedClock
from crmkit.core.crm import CRM
from crmkit.core.demo import Demo, DemoPart, DemoPerson
from crmkit.core.policy.principal import Principal

__all__ = ["create_demo"]

_DAYS = 730
# In a small company people work less often, but often enough for deals to come to an end.
_SESSIONS = {"agent": (12, 32), "manager": (3, 8)}
_OPENS, _MINUTES_OPEN = time(8, 30), 540


@attrs.frozen
class _Session:
    """One day on which one person works, and how much of everything that is done falls upon it."""

    at: datetime
    person: DemoPerson
    weight: float


def create_demo(
    crm: CRM,
    clock: FixedClock,
    *,
    until: datetime,
    seed: int = 7,
    scale: float = 1.0,
    progress: Callable[[int, int], None] | None = None,
) -> list[DemoPerson]:
    """Fill the empty database of *crm* with two years that end at *until*, and return who works in the company.

    *clock* is the one that *crm* was made with: it travels through those years and stands at *until* in the end.
    The same *seed*, *scale* and *until* give the same company. *progress* is told how many days of how many are done.
    """
    random = Random(seed)
    parts = dict(crm.hooks.ask("crmkit_register_demo"))
    begin = clock.travel(until - timedelta(days=_DAYS))
    demo = Demo(random, scale, begin, begin)
    with crm.system("demo") as db:
        demo.people = found_company(db, parts, begin.date())
        for part in parts.values():
            if part.prepare is not None:
                part.prepare(db, demo)
    _live(crm, clock, demo, list(parts.values()), _calendar(demo, until), progress)
    clock.travel(until)
    return list(demo.people)


def _live(
    crm: CRM,
    clock: FixedClock,
    demo: Demo,
    parts: Sequence[DemoPart],
    sessions: Sequence[_Session],
    progress: Callable[[int, int], None] | None,
) -> None:
    whole, reached = sum(session.weight for session in sessions), 0.0
    last: dict[DemoPerson, datetime] = {}
    for place, session in enumerate(sessions, 1):
        demo.now, demo.person = clock.travel(session.at), session.person
        demo.since = last.get(session.person, session.at - timedelta(days=14))
        last[session.person] = session.at
        # Rounded, so that the shares end at exactly one.
        demo.done = (round(reached / whole, 9), round((reached + session.weight) / whole, 9))
        reached += session.weight
        user = session.person.user
        with crm.write(Principal(user.id, user.name), cause="demo") as db:
            for part in parts:
                if part.work is not None:
                    part.work(db, demo)
        if progress is not None:
            progress(place, len(sessions))


def _calendar(demo: Demo, until: datetime) -> list[_Session]:
    sessions = [session for person in demo.people for session in _days_of(demo, person, until)]
    return sorted(sessions, key=lambda session: session.at)


def _days_of(demo: Demo, person: DemoPerson, until: datetime) -> Iterator[_Session]:
    """Yield the days on which *person* works; some are better at it than others, and the company grows."""
    random = demo.random
    strength = random.uniform(0.5, 1.5)
    fewest, usual = _SESSIONS[person.job]
    for _session in range(max(fewest, round(usual * min(1.0, demo.scale) ** 0.5))):
        age = random.random()
        weight = strength * (0.6 + 0.8 * age) * random.uniform(0.5, 1.5) if person.job == "agent" else 0.0
        yield _Session(_working_hour(random, person, demo.now, until, age), person, weight)


def _working_hour(random: Random, person: DemoPerson, begin: datetime, until: datetime, age: float) -> datetime:
    zone = ZoneInfo(person.user.time_zone)
    day = (begin + (until - begin) * age).astimezone(zone).date()
    day -= timedelta(days=max(0, day.weekday() - 4))
    opens = datetime.combine(day, _OPENS, zone)
    at = (opens + timedelta(minutes=random.randrange(_MINUTES_OPEN))).astimezone(UTC)
    return min(max(at, begin), until)
