"""Which character separates the cells of a text file."""

from __future__ import annotations

import csv
from collections.abc import Sequence

__all__ = ["find_delimiter"]

_CANDIDATES = ",;\t|"
_ROWS = 50


def find_delimiter(lines: Sequence[str], quote: str = '"') -> str:
    """Return the delimiter with which most lines have as many cells as the first; else a comma."""
    scored = [(_score(lines, candidate, quote), candidate) for candidate in _CANDIDATES]
    best, delimiter = max(scored, key=lambda pair: pair[0])
    return delimiter if best[1] > 1 else ","


def _score(lines: Sequence[str], delimiter: str, quote: str) -> tuple[float, int]:
    """Return how many rows agree with the header about the number of cells, and that number."""
    rows = [row for row in csv.reader(lines, delimiter=delimiter, quotechar=quote) if row][:_ROWS]
    if not rows or len(rows[0]) < 2:
        return 0.0, 1
    width = len(rows[0])
    return sum(1 for row in rows if len(row) == width) / len(rows), width
