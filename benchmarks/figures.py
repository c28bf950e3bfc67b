"""What is measured: figures by group, each with two sides, a goal, and a check that both sides do the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from benchmarks.harness import Comparison, Side, compare
from benchmarks.witness import Witness, first_difference

__all__ = ["Figure", "Outcome", "Side", "WrongResultError", "check_written", "taking_turns"]


class WrongResultError(Exception):
    """The two sides of a figure do not do the same, so that their times say nothing."""


@attrs.frozen
class Outcome:
    """A measured figure."""

    figure: Figure
    comparison: Comparison

    @property
    def met(self) -> bool | None:
        """Whether all goals are met; ``None`` without a goal."""
        ratio, met = self.comparison.ratio, list[bool]()
        if self.figure.most is not None and ratio is not None:
            met.append(ratio <= self.figure.most)
        if self.figure.most_ms is not None:
            met.append(self.comparison.ours * 1000 <= self.figure.most_ms)
        return all(met) if met else None


@attrs.frozen
class Figure:
    """One row of the table. *most* bounds the ratio, *most_ms* the time of our side."""

    group: str
    name: str
    measure: Callable[[], Comparison]
    most: float | None = None
    most_ms: float | None = None

    @property
    def key(self) -> str:
        """What ``--only`` compares with."""
        return f"{self.group}: {self.name}"

    def run(self) -> Outcome:
        """Measure."""
        return Outcome(self, self.measure())


def taking_turns(
    ours: Callable[[], object], theirs: Callable[[], object], same: Callable[[object, object], bool]
) -> Callable[[], Comparison]:
    """Return what compares two sides that change nothing, after asking *same* about their results."""

    def measure() -> Comparison:
        mine, other = ours(), theirs()
        if not same(mine, other):
            raise WrongResultError(f"{str(mine)[:500]} / {str(other)[:500]}")
        return compare(ours, theirs)

    return measure


def check_written(
    witness: Witness, ours: Side, theirs: Side, *, same_transactions: bool = True, indifferent: Sequence[str] = ()
) -> None:
    """Let both sides write once and compare every row; but for the counts of the tables *indifferent*.

    Raises:
        WrongResultError: they do not write the same.
    """
    mine, other = (attrs.asdict(witness.of(side)) for side in (ours, theirs))
    for written in (mine, other):
        if not written["ledger"]:
            raise WrongResultError("nothing was written")
        if not same_transactions:
            del written["transactions"]
        for table in indifferent:
            del written["counts"][table]
    if difference := first_difference(mine, other):
        raise WrongResultError(difference)
