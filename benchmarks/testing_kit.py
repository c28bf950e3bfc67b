"""How long a test waits for a CRM of its own: ``python -m benchmarks.testing_kit``.

The goals are those of the testing kit: 5 ms on SQLite and 100 ms on PostgreSQL, with every installed plugin. Tests
assert what makes it so (no statement runs, nothing is built twice), never the time.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from types import ModuleType

from crmkit import Record, entity
from crmkit.core.plugins import installed_plugins
from crmkit.core.text import Text as Words
from crmkit.testing import CRMMaker, Session, plugin
from crmkit.testing.crms import DatabaseKind

ROUNDS = 40
GOALS: dict[DatabaseKind, float] = {"sqlite": 5, "postgresql": 100}


def main() -> int:
    """Print one line for each figure, and return 1 if a goal is missed."""
    session = Session()
    make = CRMMaker(session)
    met = True
    try:
        for kind, goal in GOALS.items():
            met &= _measure(make, kind, goal)
    finally:
        make.close()
        session.end()
    _pytest()
    return 0 if met else 1


def _measure(make: CRMMaker, kind: DatabaseKind, goal: float) -> bool:
    names = sorted(installed_plugins())
    _say(f"{kind}: first CRM of a run, {len(names)} plugins", _times(lambda: make(*names, database=kind), 1))
    fresh = _times(lambda: make(*names, database=kind), ROUNDS, make.clear)
    _say(f"{kind}: every further CRM (goal {goal:.0f} ms)", fresh)
    _say(f"{kind}: the same with one throw-away plugin", _times(lambda: make(*names, _throwaway(), database=kind), 10))
    make.clear()
    return statistics.median(fresh) <= goal


def _throwaway() -> ModuleType:

    @entity("bench.thing", label=Words("Thing"))
    class Thing(Record):
        name: str

    return plugin("bench", entities=[Thing])


def _times(work: Callable[[], object], rounds: int, between: Callable[[], object] | None = None) -> list[float]:
    """Return how many milliseconds each round took."""
    found = []
    for _ in range(rounds):
        start = perf_counter()
        work()
        found.append((perf_counter() - start) * 1e3)
        if between is not None:
            between()
    return found


def _pytest() -> None:
    """Measure what the plugin costs a run of pytest that does not use it."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_nothing.py").write_text("def test_nothing(): pass\n")
        for title, options in (("with", ()), ("without", ("-p", "no:crmkit"))):
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, folder]
            _say(f"pytest {title} the plugin, one empty test", _times(lambda c=command: _run(c, folder), 15))  # type: ignore[misc]


def _run(command: list[str], folder: str) -> None:
    subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)


def _say(title: str, milliseconds: list[float]) -> None:
    print(f"{title:58} median {statistics.median(milliseconds):8.1f} ms, least {min(milliseconds):8.1f} ms")


if __name__ == "__main__":
    sys.exit(main())
