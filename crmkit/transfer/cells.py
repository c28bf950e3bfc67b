"""Rows as they come out of a file: their cells, where they began, and what is wrong with them already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from crmkit.transfer.errors import CellProblem

__all__ = ["Cell", "Limits", "Row", "Source", "cell_text"]

#: A text file has only text; a workbook also numbers, dates and booleans. An empty cell is ``""``.
Cell = str | int | Decimal | bool | date | datetime


class Limits(NamedTuple):
    """How much a file may hold, in characters and bytes."""

    cell: int = 1_000_000
    row: int = 16_000_000
    #: A workbook's parts together, unpacked.
    unpacked: int = 4_000_000_000
    #: Unpacked size to packed size; more is a decompression bomb (Apache POI refuses at the same figure).
    ratio: int = 100


class Row(NamedTuple):
    """One row: where it began, its cells, and the problems that reading it already found."""

    line: int
    cells: Sequence[Cell]
    problems: tuple[CellProblem, ...] = ()


class Source(Protocol):
    """An open file that gives its rows once, in order, without holding them."""

    file: str
    columns: tuple[str, ...]
    #: How the file was understood, for the report: format, encoding, delimiter, sheet.
    facts: dict[str, str]

    def rows(self) -> Iterator[Row]:
        """Return the rows after the header; empty rows are left out."""

    def fraction(self) -> float:
        """Return how much of the file has been read, from 0 to 1."""

    def close(self) -> None:
        """Close the file."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def cell_text(cell: Cell, decimal: str = ".") -> str:
    """Return *cell* as the text that an import reads back as the same value.

    Dates are ISO; *decimal* is the decimal separator that the file's plan states.
    """
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, date):
        return cell.isoformat()
    return format(cell, "f").replace(".", decimal) if isinstance(cell, Decimal) else str(cell)
