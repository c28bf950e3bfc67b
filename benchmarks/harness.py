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

__all__ = ["Comparison", "Side", "alone", "compare"]

_SLICE = 0.03
_PAIRS = 5, 15
_BUDGET = 2.0
Side = Callable[[], object]


@attrs.frozen
class Comparison:
    """What came out: seconds for one call on either side, medians over the slices, and the ratio of each pair."""

    ours: float
    theirs: float | None
    ratios: tuple[float, ...] = ()
    cpu_ratios: tuple[float, ...] = ()

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
        calls = max(1, round(patience * _SLICE / max(_warm(ours), _warm(theirs))))
    measured: list[tuple[_Slice, _Slice]] = []
    gc.collect()
    end = perf_counter() + patience * _BUDGET
    while len(measured) < (pairs or _PAIRS[0]) or (not pairs and len(measured) < _PAIRS[1] and perf_counter() < end):
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
    for _n in range(slices):
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
