"""How long a test waits for a CRM of its own, with every installed plugin, and for two hours to pass.

Tests of the testing kit assert what makes it fast (no statement runs, nothing is built twice), never the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from types import ModuleType

from benchmarks.figures import Figure, WrongResultError
from benchmarks.harness import Comparison, alone
from crmkit import Job, Record, Schedule, Team, WorkContext, Worker, entity
from crmkit.core.clock import FixedClock
from crmkit.core.plugins import installed_plugins
from crmkit.core.text import Text as Words
from crmkit.testing import NOON, CRMMaker, Session, play, plugin
from crmkit.testing.crms import DatabaseKind

__all__ = ["figures"]

_GOALS: dict[DatabaseKind, float] = {"sqlite": 5.0, "postgresql": 100.0}
_MINUTES, _HISTORIES = 120, 5
_TITLES: dict[DatabaseKind, str] = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def figures() -> Iterator[Figure]:
    """Yield the figures; the databases go when the last of them is measured."""
    session = Session()
    make = CRMMaker(session)
    try:
        for kind, goal in _GOALS.items():
            yield from _figures(make, kind, goal)
    finally:
        make.close()
        session.end()


def _figures(make: CRMMaker, kind: DatabaseKind, goal: float) -> Iterator[Figure]:
    names = sorted(installed_plugins())

    def fresh() -> Comparison:
        make(*names, database=kind)
        make.clear()
        return alone(lambda: make(*names, database=kind), slices=40, between=make.clear)

    def thrown_away() -> Comparison:
        return alone(lambda: make(*names, _throwaway(), database=kind), slices=10, between=make.clear)

    def two_hours() -> Comparison:
        waiting = iter([_waiting(make, kind) for _n in range(_HISTORIES)])
        return alone(lambda: _pass(next(waiting)), slices=_HISTORIES)

    yield Figure("testing kit", f"{_TITLES[kind]}, a fresh CRM", fresh, most_ms=goal)
    yield Figure("testing kit", f"{_TITLES[kind]}, a fresh CRM with a throw-away plugin", thrown_away)
    yield Figure("testing kit", f"{_TITLES[kind]}, two hours with a schedule every minute", two_hours, most_ms=1000)


def _waiting(make: CRMMaker, kind: DatabaseKind) -> Worker:
    watch = plugin(
        "watch", jobs=[Job("watch.look", _look)], schedules=[Schedule("watch.minutely", "* * * * *", "watch.look")]
    )
    return Worker(make(watch, database=kind, clock=FixedClock(NOON)))


def _look(context: WorkContext, _arguments: object) -> None:
    """Change what a subscriber could be told of, as a plugin's job would."""
    with context.write() as db:
        db.create(Team(name=f"Watch of {context.now:%H:%M}"))


def _pass(worker: Worker) -> None:
    play(worker, timedelta(hours=2))
    with worker.crm.system("benchmark") as db:
        if db.count(Team) != _MINUTES:
            raise WrongResultError(f"{db.count(Team)} teams after {_MINUTES} minutes")
    worker.close()


def _throwaway() -> ModuleType:

    @entity("bench.thing", label=Words("Thing"))
    class Thing(Record):
        name: str

    return plugin("bench", entities=[Thing])
