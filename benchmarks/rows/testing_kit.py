"""How long a test waits for a CRM of its own, with every installed plugin.

Tests of the testing kit assert what makes it fast (no statement runs, nothing is built twice), never the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

from benchmarks.figures import Figure
from benchmarks.harness import Comparison, alone
from crmkit import Record, entity
from crmkit.core.plugins import installed_plugins
from crmkit.core.text import Text as Words
from crmkit.testing import CRMMaker, Session, plugin
from crmkit.testing.crms import DatabaseKind

__all__ = ["figures"]

_GOALS: dict[DatabaseKind, float] = {"sqlite": 5.0, "postgresql": 100.0}
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

    yield Figure("testing kit", f"{_TITLES[kind]}, a fresh CRM", fresh, most_ms=goal)
    yield Figure("testing kit", f"{_TITLES[kind]}, a fresh CRM with a throw-away plugin", thrown_away)


def _throwaway() -> ModuleType:

    @entity("bench.thing", label=Words("Thing"))
    class Thing(Record):
        name: str

    return plugin("bench", entities=[Thing])
