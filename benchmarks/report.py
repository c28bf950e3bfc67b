"""The table: plain on a terminal, Markdown for the documentation."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.figures import Outcome

__all__ = ["heading", "line", "machine", "write_into"]

Sections = Sequence[tuple[str, Sequence[Outcome]]]

# What stands between them on a page is replaced by each run.
_BEGIN, _END = "<!-- figures -->", "<!-- end of figures -->"

_VERDICTS = {True: "met", False: "MISSED", None: ""}


def line(outcome: Outcome) -> str:
    """Return one line for the terminal."""
    cells = _cells(outcome)
    return f"{cells[0]:<62} {cells[1]:>10} {cells[2]:>10} {cells[3]:>22} {cells[4]:>6} {cells[5]:>14} {cells[6]}"


def heading() -> str:
    """Return the line above them."""
    names = ("figure", "by hand ms", "crmkit ms", "ratio (range)", "CPU", "goal")
    return f"{names[0]:<62} {names[1]:>10} {names[2]:>10} {names[3]:>22} {names[4]:>6} {names[5]:>14}"


def machine() -> str:
    """Return when and on what this run takes place, in one sentence."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("SQLAlchemy", "psycopg"))
    python = f"Python {platform.python_version()}"
    return f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} × {_processor()}, {python}, {packages}."


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def write_into(page: Path, sections: Sections) -> None:
    """Put *sections* (a title and its outcomes) as Markdown tables between the marks of *page*, or into a new page."""
    tables = "\n".join(text for title, outcomes in sections for text in _section(title, outcomes))
    found = page.read_text(encoding="utf-8") if page.exists() else f"{_BEGIN}\n{_END}\n"
    before, _begin, rest = found.partition(_BEGIN)
    _old, _end, after = rest.partition(_END)
    page.write_text(f"{before}{_BEGIN}\n{machine()}\n\n{tables}{_END}{after}", encoding="utf-8")


def _section(title: str, outcomes: Sequence[Outcome]) -> Iterator[str]:
    if not outcomes:
        return
    yield f"### {title}\n"
    yield "| figure | by hand ms | crmkit ms | ratio (range) | CPU | goal | |"
    yield "|---|---:|---:|---:|---:|---:|---|"
    for outcome in outcomes:
        yield "| " + " | ".join(_cells(outcome)) + " |"
    yield ""


def _cells(outcome: Outcome) -> list[str]:
    found = outcome.comparison
    ratio = f"{found.ratio:.2f} ({min(found.ratios):.2f}-{max(found.ratios):.2f})" if found.ratio is not None else ""
    goals = []
    if outcome.figure.most is not None:
        goals.append(f"≤ {outcome.figure.most:g}×")
    if outcome.figure.most_ms is not None:
        goals.append(f"≤ {outcome.figure.most_ms:g} ms")
    return [
        outcome.figure.key,
        "" if found.theirs is None else _milliseconds(found.theirs),
        _milliseconds(found.ours),
        ratio,
        "" if found.cpu_ratio is None else f"{found.cpu_ratio:.2f}",
        ", ".join(goals),
        "; ".join(filter(None, (_VERDICTS[outcome.met], found.told))),
    ]


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.3g}" if seconds < 1 else f"{seconds * 1000:,.0f}"
