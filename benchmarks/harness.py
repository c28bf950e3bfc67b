"""Timing two sides in turns: short slices of one, then of the other, and the ratio of each pair.

The machine's speed may change twofold within a second, so that only neighbours can be compared; which side goes first
changes from pair to pair.
"""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable
from time import perf_counter, process_time

import attrs

__all__ = ["Comparison", "Side", "alone", "compare", "hurry"]

Side = Callable[[], object]


@attrs.define
class _Pace:
    """How long a slice lasts, how many pairs of slices there are, and how long all of them may take, in seconds.

    *at_most* is above both, and above what a figure asks for.
    """

    slice: float = 0.03
    least: int = 5
    most: int = 15
    budget: float = 2.0
    at_most: int = 1000

    def goes_on(self, measured: int, pairs: int | None, end: float) -> bool:
        """Return whether there is to be another pair after *measured*, of *pairs* if that is given."""
        wanted = pairs or (self.most if perf_counter() < end else self.least)
        return measured < min(wanted, self.at_most)


_pace = _Pace()


def hurry() -> None:
    """Measure everything once from now on: that shows whether both sides do the same, not how fast."""
    _pace.slice, _pace.at_most = 0.0, 1


@attrs.frozen
class Comparison:
    """What came out: seconds for one call on either side, medians over the slices, and the ratio of each pair.

    *told* is what else was measured.
    """

    ours: float
    theirs: float | None
    ratios: tuple[float, ...] = ()
    cpu_ratios: tuple[float, ...] = ()
    told: str = ""

    @property
    def ratio(self) -> float | None:
        """The median of the ratios."""
        return statistics.median(self.ratios) if self.ratios else None

    @property
    def cpu_ratio(self) -> float | None:
        """The same for the processor time of this process; that of a database server is not in it."""
        return statistics.median(self.cpu_ratios) if self.cpu_ratios else None


@attrs.frozen
class _Slice:
    wall: float
    cpu: float


def compare(
    ours: Side, theirs: Side, *, calls: int | None = None, pairs: int | None = None, patience: float = 1
) -> Comparison:
    """Time both sides in turns and return the comparison.

    A slice lasts about 30 ms unless *calls* says how many calls it has; there are 5 to 15 pairs of slices, as many as
    two seconds allow, unless *pairs* says how many. *patience* lengthens both, where a disk makes single calls uneven.
    """
    if calls is None:
        theirs()
        calls = max(1, round(patience * _pace.slice / max(_warm(ours), _warm(theirs))))
    measured: list[tuple[_Slice, _Slice]] = []
    gc.collect()
    end = perf_counter() + patience * _pace.budget
    while _pace.goes_on(len(measured), pairs, end):
        if len(measured) % 2:
            other, mine = _slice(theirs, calls), _slice(ours, calls)
        else:
            mine, other = _slice(ours, calls), _slice(theirs, calls)
        measured.append((mine, other))
    return Comparison(
        statistics.median(mine.wall for mine, _other in measured),
        statistics.median(other.wall for _mine, other in measured),
        tuple(mine.wall / other.wall for mine, other in measured),
        tuple(mine.cpu / other.cpu for mine, other in measured if other.cpu),
    )


def alone(ours: Side, *, slices: int = 7, between: Side | None = None) -> Comparison:
    """Time one side that has no counterpart, call by call, with *between* after each, which is not timed."""
    times = []
    for _n in range(min(slices, _pace.at_most)):
        times.append(_slice(ours, 1).wall)
        if between is not None:
            between()
    return Comparison(statistics.median(times), None)


def _warm(side: Side) -> float:
    """Return about how long a call takes once caches are warm."""
    side()
    return min(_slice(side, 1).wall for _n in range(2))


def _slice(side: Side, calls: int) -> _Slice:
    wall, cpu = perf_counter(), process_time()
    for _n in range(calls):
        side()
    return _Slice((perf_counter() - wall) / calls, (process_time() - cpu) / calls)
