"""The table: plain on a terminal, Markdown for the documentation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.figures import Outcome

__all__ = ["line", "markdown"]

_VERDICTS = {True: "met", False: "MISSED", None: ""}


def line(outcome: Outcome) -> str:
    """Return one line for the terminal."""
    cells = _cells(outcome)
    return f"{cells[0]:<62} {cells[1]:>10} {cells[2]:>10} {cells[3]:>22} {cells[4]:>6} {cells[5]:>14} {cells[6]}"


def heading() -> str:
    """Return the line above them."""
    names = ("figure", "by hand ms", "crmkit ms", "ratio (range)", "CPU", "goal")
    return f"{names[0]:<62} {names[1]:>10} {names[2]:>10} {names[3]:>22} {names[4]:>6} {names[5]:>14}"


def markdown(sections: Sequence[tuple[str, Sequence[Outcome]]]) -> str:
    """Return all *sections* (a title and its outcomes) as Markdown tables."""
    return "\n".join(text for title, outcomes in sections for text in _section(title, outcomes))


def _section(title: str, outcomes: Sequence[Outcome]) -> Iterator[str]:
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
        _VERDICTS[outcome.met],
    ]


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.3g}" if seconds < 1 else f"{seconds * 1000:,.0f}"
