"""How many rows go into one transaction: as many as keep it short."""

from __future__ import annotations

__all__ = ["BatchSize"]

# On SQLite others wait while a batch holds the writer: at most 200 ms, so aim a little below. On PostgreSQL they wait
# only for rows that both write, and for the ledger at the end.
_ALONE, _BESIDE_OTHERS = 0.18, 1.0
_LEAST, _MOST = 20, 1000


class BatchSize:
    """Learns from the batches before how many rows fit."""

    def __init__(self, *, one_writer: bool = True) -> None:
        """Begin small; with *one_writer* nobody else can write meanwhile."""
        self.rows = max(_LEAST, min(_MOST, 100))
        self._target = _ALONE if one_writer else _BESIDE_OTHERS

    def took(self, seconds: float, rows: int) -> None:
        """Take into account that *rows* took *seconds*; a fast one at most doubles the next."""
        if seconds <= 0 or not rows:
            return
        fitting = int(rows * self._target / seconds)
        self.rows = max(_LEAST, min(_MOST, 2 * self.rows, fitting))
