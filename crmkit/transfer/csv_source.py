"""CSV and TSV files as a stream of rows, with the physical line on which each row began."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

import attrs

from crmkit.core.text import Text, gettext as _
from crmkit.transfer.cells import Limits, Row
from crmkit.transfer.delimiters import find_delimiter
from crmkit.transfer.encodings import find_encoding
from crmkit.transfer.errors import CellProblem, RowTooLongError, SourceEmptyError, SourceFormatError
from crmkit.transfer.header import check_header, ragged, too_long
from crmkit.transfer.neutral import restore

__all__ = ["CsvSource", "TextOptions"]

_SAMPLE_LINES = 100
_SAMPLE_SIZE = 256_000
# Each rereads what the open quotation mark swallowed; a file with more of them is no CSV.
_MAX_OPEN_QUOTES = 100
_OPEN_QUOTE = _("a quotation mark that is opened in this row is not closed properly")
_TOO_LONG = _("a row has more than {limit} characters")
_ACCEPTED_QUOTE = _("Write {quote} around the cell, and each {quote} inside it twice")


@attrs.frozen
class TextOptions:
    """What a plan may state about a text file; ``None`` is found out."""

    encoding: str | None = None
    delimiter: str | None = None
    quote: str = '"'
    #: The physical line of the column names; ``None`` is the first that is not empty.
    header: int | None = None
    #: The encoding was checked before, over the whole file.
    checked: bool = False


class _TooLong(Exception):
    """The row that is being read has more characters than a row may have."""


class _Lines:
    """Physical lines, counted; can go back to the second line of the row that is being read."""

    def __init__(self, text: io.TextIOWrapper, limit: int) -> None:
        self.number = 0
        self.row: list[str] = []
        self._size = 0
        self._text, self._limit = text, limit
        self._pending: deque[str] = deque()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._pending.popleft() if self._pending else self._text.readline(self._limit + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self._size += len(line)
        self.row.append(line)
        if self._size > self._limit:
            raise _TooLong
        return line

    def begin_row(self) -> int:
        """Forget the last row; return the number of the line that comes next."""
        self.row.clear()
        self._size = 0
        return self.number + 1

    def keep_first(self) -> str:
        """Put back all lines of this row but the first, and return that."""
        self._pending.extendleft(reversed(self.row[1:]))
        self.number -= len(self.row) - 1
        return self.row[0]

    def put_back(self, lines: list[str]) -> None:
        """Read *lines* again."""
        self._pending.extendleft(reversed(lines))
        self.number -= len(lines)


class CsvSource:
    """A text file of cells, read strictly; memory stays flat, whatever the size of the file."""

    def __init__(self, path: Path, options: TextOptions | None = None, limits: Limits | None = None) -> None:
        """Open *path* and read its column names.

        Raises:
            SourceError: the encoding does not fit, the file is empty, or two columns have the same name.
        """
        options = options or TextOptions()
        self.file = path.name
        self._limits = limits or Limits()
        # A process-wide setting of the csv module, which would refuse cells that our own limit admits.
        csv.field_size_limit(max(csv.field_size_limit(), self._limits.row + 1))
        encoding = options.encoding if options.encoding and options.checked else find_encoding(path, options.encoding)
        self._size = max(1, path.stat().st_size)
        self._raw = path.open("rb", buffering=0)
        try:
            text = io.TextIOWrapper(io.BufferedReader(self._raw, 1 << 18), encoding, newline="")
            self._open(text, options, encoding)
        except BaseException:
            self._raw.close()
            raise

    def _open(self, text: io.TextIOWrapper, options: TextOptions, encoding: str) -> None:
        self._text = text
        self._lines = _Lines(text, self._limits.row)
        self._quote = options.quote
        self._skip_to_header(options.header)
        stated_in_file = self._stated_by_excel()
        delimiter = options.delimiter or stated_in_file or self._sniff()
        self.facts = {"format": "csv", "encoding": encoding, "delimiter": delimiter}
        self._reader = csv.reader(self._lines, delimiter=delimiter, quotechar=self._quote, strict=True)
        self.columns = self._header(delimiter)

    def _skip_to_header(self, header: int | None) -> None:
        for _line in islice(self._lines, (header or 1) - 1):
            self._lines.begin_row()

    def _stated_by_excel(self) -> str | None:
        """Return X of a first line ``sep=X``, which Excel writes and hides."""
        first = self._first_line()
        stated = first.lstrip("\ufeff").rstrip("\r\n")
        if len(stated) == 5 and stated.startswith("sep="):
            return stated[4]
        self._lines.put_back([first] if first else [])
        return None

    def _first_line(self) -> str:
        self._lines.begin_row()
        try:
            return next(self._lines, "")
        except _TooLong:
            raise self._endless(self._lines.number, _TOO_LONG) from None

    def _sniff(self) -> str:
        sample: list[str] = []
        size = 0
        while len(sample) < _SAMPLE_LINES and size < _SAMPLE_SIZE and (line := self._first_line()):
            sample.append(line)
            size += len(line)
        self._lines.put_back(sample)
        return find_delimiter(sample, self._quote)

    def _header(self, delimiter: str) -> tuple[str, ...]:
        for row in self._parsed():
            if row.problems:
                raise SourceFormatError(
                    self.file,
                    _("the column names cannot be read: {problem}"),
                    line=row.line,
                    problem=row.problems[0].why(),
                )
            return check_header(self.file, row.line, row.cells)
        raise SourceEmptyError(self.file, _("it has no row of column names"), _("Its first row must name the columns"))

    def rows(self) -> Iterator[Row]:
        """Return the rows after the header; rows without any text are left out."""
        width = len(self.columns)
        for row in self._parsed():
            if row.problems or (len(row.cells) == width and not self._suspicious()):
                yield row
            else:
                yield row._replace(problems=tuple(self._problems(row)))

    def _suspicious(self) -> bool:
        lines = self._lines.row
        return any("\0" in line for line in lines) or sum(map(len, lines)) > self._limits.cell

    def _parsed(self) -> Iterator[Row]:
        open_quotes = 0
        while True:
            line = self._lines.begin_row()
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except (csv.Error, _TooLong) as error:
                open_quotes += 1
                yield self._open_quote(line, open_quotes, error)
                continue
            if any(cells):
                yield Row(line, self._restored(cells))

    def _restored(self, cells: list[str]) -> list[str]:
        return [restore(cell) for cell in cells] if any("'" in line for line in self._lines.row) else cells

    def _open_quote(self, line: int, count: int, error: Exception) -> Row:
        """Refuse the first line of a row that does not end, and read on after it."""
        first = self._lines.keep_first()
        if len(first) > self._limits.row or count > _MAX_OPEN_QUOTES:
            raise self._endless(line, _TOO_LONG if isinstance(error, _TooLong) else _OPEN_QUOTE)
        lenient = csv.reader([first], delimiter=self.facts["delimiter"], quotechar=self._quote)
        problem = CellProblem(self.file, _OPEN_QUOTE, _ACCEPTED_QUOTE, line=line, value=first, quote=self._quote)
        return Row(line, next(lenient, []), (problem,))

    def _endless(self, line: int, reason: Text) -> RowTooLongError:
        return RowTooLongError(self.file, reason, _ACCEPTED_QUOTE, line=line, limit=self._limits.row, quote=self._quote)

    def _problems(self, row: Row) -> Iterator[CellProblem]:
        if len(row.cells) != len(self.columns):
            yield ragged(self.file, row, len(self.columns))
        for name, cell in zip(self.columns, row.cells, strict=False):
            yield from self._cell_problems(row.line, name, str(cell))

    def _cell_problems(self, line: int, column: str, cell: str) -> Iterator[CellProblem]:
        if "\0" in cell:
            yield CellProblem(
                self.file,
                _("the cell holds a NUL character"),
                _("Remove it"),
                line=line,
                column=column,
                value=cell,
            )
        if len(cell) > self._limits.cell:
            yield too_long(self.file, line, column, cell, self._limits.cell)

    def fraction(self) -> float:
        """Return how much of the file has been read, from 0 to 1."""
        return 1.0 if self._raw.closed else min(1.0, self._raw.tell() / self._size)

    def close(self) -> None:
        """Close the file."""
        self._text.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
