"""How far a long run is: plain figures, which a surface draws as it likes."""

from __future__ import annotations

import time
from collections.abc import Callable

import attrs

__all__ = ["Meter", "Progress", "Show"]


@attrs.frozen
class Progress:
    """The state of one step at one moment."""

    step: str
    #: Which step of how many, from 1.
    number: int
    steps: int
    rows: int
    #: How many rows there will be, as far as is known.
    total: int | None
    #: From 0 to 1; ``None`` while nothing is known.
    fraction: float | None
    seconds: float
    done: bool = False

    @property
    def rate(self) -> float:
        """Rows per second since the step began (or was resumed)."""
        return self.rows / self.seconds if self.seconds > 0 else 0.0

    @property
    def left(self) -> float | None:
        """Seconds that the step will still take at this pace; ``None`` while nobody can know."""
        if self.done:
            return 0.0
        if not self.fraction:
            return None
        return self.seconds * (1 - self.fraction) / self.fraction


#: Takes each state; called a few times a second at most.
Show = Callable[[Progress], None]


class Meter:
    """Counts the rows of one step and shows its progress, not oftener than every *interval* seconds."""

    def __init__(
        self,
        show: Show | None,
        step: str,
        *,
        number: int = 1,
        steps: int = 1,
        total: int | None = None,
        interval: float = 0.1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Measure time with *clock*."""
        self._show, self._interval, self._clock = show, interval, clock
        self._start = clock()
        self._shown = self._start - interval
        self._state = Progress(step, number, steps, 0, total, None, 0.0)

    def advance(self, rows: int, fraction: float | None = None) -> None:
        """Count *rows* more; *fraction* of the work is done, where it is known better than from the total."""
        state = self._state
        counted = state.rows + rows
        if fraction is None and state.total:
            fraction = min(1.0, counted / state.total)
        now = self._clock()
        self._state = attrs.evolve(state, rows=counted, fraction=fraction, seconds=now - self._start)
        if now - self._shown >= self._interval:
            self._tell(now)

    def finish(self) -> Progress:
        """Show and return the last state."""
        now = self._clock()
        state = self._state
        self._state = attrs.evolve(state, fraction=1.0, total=state.rows, seconds=now - self._start, done=True)
        self._tell(now)
        return self._state

    def _tell(self, now: float) -> None:
        self._shown = now
        if self._show is not None:
            self._show(self._state)
