"""How long processes take to start, beside a Python that does nothing; modules are compiled already."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from benchmarks.figures import Figure
from benchmarks.harness import Comparison, compare

__all__ = ["figures"]

_COMMAND = str(Path(sys.executable).with_name("crmkit"))
_EVERY_NAME = "import crmkit; [getattr(crmkit, name) for name in crmkit.__all__]"
_PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
_WITHOUT = ("-p", "no:crmkit")
_ONE_TEST = "def test_nothing(): pass\n"


def figures() -> Iterator[Figure]:
    """Yield the figures; what stands beside each is ``python -c pass``, or pytest without crmkit's plugin."""
    yield Figure("start", "crmkit --help, beside python", _beside_nothing([_COMMAND, "--help"]), most_ms=150.0)
    yield Figure("start", "import crmkit, beside python", _beside_nothing(_run("import crmkit")), most_ms=300.0)
    yield Figure("start", "every name of crmkit, beside python", _beside_nothing(_run(_EVERY_NAME)))
    yield Figure("start", "pytest, one empty test, beside it without crmkit", _measure(_PYTEST, [*_PYTEST, *_WITHOUT]))


def _run(source: str) -> list[str]:
    return [sys.executable, "-c", source]


def _beside_nothing(command: list[str]) -> Callable[[], Comparison]:
    return _measure(command, _run("pass"))


def _measure(ours: list[str], theirs: list[str]) -> Callable[[], Comparison]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def measure() -> Comparison:
        with tempfile.TemporaryDirectory(prefix="crmkit-bench-") as folder:
            (Path(folder) / "test_nothing.py").write_text(_ONE_TEST)

            def run(command: list[str]) -> None:
                subprocess.run(command, check=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL)

            run(ours)
            found = compare(lambda: run(ours), lambda: run(theirs), calls=1, pairs=15)
        # The processor time of this process says nothing of the others.
        return attrs.evolve(found, cpu_ratios=())

    return measure
