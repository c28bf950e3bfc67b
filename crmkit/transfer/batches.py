"""How many rows go into one transaction: as many as keep it short."""

from __future__ import annotations

__all__ = ["BatchSize"]

# Others wait while a batch holds the writer: at most 200 ms, so aim a little below.
_TARGET = 0.18
_LEAST, _MOST = 20, 1000


class BatchSize:
    """Learns from the batches before how many rows fit."""

    def __init__(self) -> None:
        self.rows = max(_LEAST, min(_MOST, 100))

    def took(self, seconds: float, rows: int) -> None:
        """Take into account that *rows* took *seconds*; a fast one at most doubles the next."""
        if seconds <= 0 or not rows:
            return
        fitting = int(rows * _TARGET / seconds)
        self.rows = max(_LEAST, min(_MOST, 2 * self.rows, fitting))
