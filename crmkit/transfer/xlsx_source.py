"""Excel workbooks as a stream of rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import attrs

from crmkit.core.text import gettext as _
from crmkit.transfer.cells import Cell, Limits, Row
from crmkit.transfer.errors import CellProblem, SourceEmptyError, SourceFormatError
from crmkit.transfer.header import check_header, ragged, too_long
from crmkit.transfer.xlsx.book import Book, read_book
from crmkit.transfer.xlsx.container import Container
from crmkit.transfer.xlsx.sheet import Fault, Sheet
from crmkit.transfer.xlsx.strings import SharedStrings

__all__ = ["SheetOptions", "XlsxSource"]


@attrs.frozen
class SheetOptions:
    """What a plan may state about a workbook."""

    #: The sheet's name; needed if more than one is visible.
    sheet: str | None = None
    #: The row of the column names; ``None`` is the first that is not empty.
    header: int | None = None


class XlsxSource:
    """One sheet of a workbook, read piece by piece; formulas count with their saved result."""

    def __init__(self, path: Path, options: SheetOptions | None = None, limits: Limits | None = None) -> None:
        """Open *path* and read its column names.

        Raises:
            SourceError: it is no workbook, protected, hostile or damaged; the sheet is unknown or empty.
        """
        options = options or SheetOptions()
        self.file = path.name
        self._limits = limits or Limits()
        self._container = Container(path, self._limits)
        self._strings = SharedStrings()
        try:
            self._open(options)
        except BaseException:
            self.close()
            raise

    def _open(self, options: SheetOptions) -> None:
        book = read_book(self._container)
        name = self._choose(book, options.sheet)
        self.facts = {"format": "xlsx", "sheet": name}
        if book.strings is not None and self._container.has(book.strings):
            self._strings.load(self._container, book.strings, self._limits.cell)
        self._sheet = Sheet(self._container, book.sheets[name], book, self._strings, self._limits)
        self._raw = self._filled(options.header or 1)
        line, cells = next(self._raw, (1, []))
        if not cells:
            raise SourceEmptyError(
                self.file, _("it has no row of column names"), _("Its first row must name the columns")
            )
        self._line = line
        self.columns = check_header(self.file, line, [c.shown if isinstance(c, Fault) else c for c in cells])

    def _choose(self, book: Book, stated: str | None) -> str:
        if stated is None and len(book.sheets) == 1:
            return next(iter(book.sheets))
        if stated not in book.sheets:
            reason = _("it has several sheets") if stated is None else _("it has no visible sheet {stated!r}")
            raise SourceFormatError(
                self.file,
                reason,
                _("State one of these in the plan as sheet = …: {sheets}"),
                stated=stated,
                sheets=", ".join(book.sheets),
            )
        return stated

    def _filled(self, first: int) -> Iterator[tuple[int, list[Cell | Fault]]]:
        """Return the rows from *first* on that have a value, without the empty cells at their end."""
        for line, cells in self._sheet.rows():
            if line >= first:
                while cells and cells[-1] == "":
                    cells.pop()
                if cells:
                    self._line = line
                    yield line, cells

    def rows(self) -> Iterator[Row]:
        """Return the rows after the header; empty ones are left out."""
        width = len(self.columns)
        limit = self._limits.cell
        for line, cells in self._raw:
            cells.extend([""] * (width - len(cells)))
            if len(cells) > width or any(_suspicious(cell, limit) for cell in cells):
                yield self._with_problems(line, cells)
            else:
                yield Row(line, cells)  # type: ignore[arg-type]

    def _with_problems(self, line: int, cells: list[Cell | Fault]) -> Row:
        shown = [cell.shown if isinstance(cell, Fault) else cell for cell in cells]
        row = Row(line, shown)
        problems = [ragged(self.file, row, len(self.columns))] if len(cells) > len(self.columns) else []
        for name, cell in zip(self.columns, cells, strict=False):
            problems += self._cell_problems(line, name, cell)
        return row._replace(problems=tuple(problems))

    def _cell_problems(self, line: int, column: str, cell: Cell | Fault) -> Iterator[CellProblem]:
        if isinstance(cell, Fault):
            yield CellProblem(
                self.file,
                cell.reason,
                _("Calculate and save the workbook, or replace the cell by its value"),
                line=line,
                column=column,
                value=cell.shown,
            )
        elif isinstance(cell, str) and len(cell) > self._limits.cell:
            yield too_long(self.file, line, column, cell, self._limits.cell)
        elif isinstance(cell, str) and "\0" in cell:
            yield CellProblem(
                self.file,
                _("the cell holds a NUL character"),
                _("Remove it"),
                line=line,
                column=column,
                value=cell,
            )

    def fraction(self) -> float:
        """Return how much of the sheet has been read, from 0 to 1."""
        return self._sheet.fraction()

    def close(self) -> None:
        """Close the file."""
        self._strings.close()
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _suspicious(cell: Cell | Fault, limit: int) -> bool:
    if isinstance(cell, str):
        return len(cell) > limit or "\0" in cell
    return isinstance(cell, Fault)
