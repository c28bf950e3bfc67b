"""The rows of one sheet, as its XML comes in."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

from crmkit.core.text import Text, gettext as _
from crmkit.transfer.cells import Cell, Limits
from crmkit.transfer.errors import RowTooLongError
from crmkit.transfer.xlsx.book import Book, DateKind
from crmkit.transfer.xlsx.container import Container
from crmkit.transfer.xlsx.strings import SharedStrings, unescape
from crmkit.transfer.xlsx.xml import parse, whole

__all__ = ["Fault", "Sheet"]

_LAST_ROW, _LAST_COLUMN = 1_048_576, 16_384
_DIGITS = "0123456789"
_FORMULA = _("the cell holds a formula without a saved result")
_NO_NUMBER = _("the cell is marked as a number, but is none")
_NO_DATE = _("the cell is marked as a date, but its number is none")
_NO_TEXT = _("the cell names a text that the workbook has not")
_ERROR = _("the cell shows an error")


class Fault:
    """A cell that has no value to import; *shown* is what a person sees there."""

    __slots__ = ("reason", "shown")

    def __init__(self, reason: Text, shown: str = "") -> None:
        self.reason, self.shown = reason, shown


class _Shared(int):
    """The number of a shared text, until its row is taken."""


class Sheet:
    """Reads one sheet's part; gives ``(row number, cells)``, with ``""`` where a row has gaps."""

    def __init__(self, container: Container, part: str, book: Book, strings: SharedStrings, limits: Limits) -> None:
        self._container, self._part, self._book = container, part, book
        self._strings, self._limits = strings, limits
        self._epoch = datetime(1904, 1, 1) if book.from_1904 else datetime(1899, 12, 30)  # noqa: DTZ001  wall clock
        self._columns: dict[str, int] = {}
        self._done: list[tuple[int, list[Cell | Fault]]] = []
        self._row_number = 0
        self._row_size = 0
        self._cells: list[Cell | Fault] = []
        self._in_reading = self._root_seen = False
        self._name_elements("")
        self._begin_cell({})

    def _name_elements(self, prefix: str) -> None:
        """Some writers put a prefix before every element; the root element tells which."""
        self._v, self._c, self._t, self._row = (f"{prefix}{name}" for name in ("v", "c", "t", "row"))
        self._f, self._reading = f"{prefix}f", f"{prefix}rPh"

    def rows(self) -> Iterator[tuple[int, list[Cell | Fault]]]:
        """Return the rows that the part holds, empty ones included if they are written there.

        Raises:
            SourceDamagedError: rows or cells are out of order or outside a sheet.
        """
        for _piece in parse(self._container, self._part, self._start, self._end, self._data):
            for number, cells in self._done:
                yield number, self._resolved(number, cells)
            self._done.clear()

    def _resolved(self, number: int, cells: list[Cell | Fault]) -> list[Cell | Fault]:
        """Look up shared texts row by row: a few bytes of XML may name megabytes of them."""
        size = 0
        for place, cell in enumerate(cells):
            if type(cell) is _Shared:
                cells[place] = text = self._shared(cell)
                size += len(text) if isinstance(text, str) else 0
                if size > self._limits.row:
                    raise self._too_long(number)
        return cells

    # These three are called for every tag; what is commonest is asked first.
    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == self._v or name == self._t:
            self._collecting = self._has_value = not self._in_reading
        elif name == self._c:
            self._begin_cell(attributes)
        elif name == self._row:
            self._begin_row(attributes)
        elif name == self._f:
            self._has_formula = True
        elif name == self._reading:
            self._in_reading = True
        elif not self._root_seen:
            self._root_seen = True
            self._name_elements(name[: name.rfind(":") + 1])

    def _data(self, text: str) -> None:
        if self._collecting:
            room = self._limits.cell + 1 - self._length
            if room > 0:
                self._pieces.append(text[:room])
                self._row_size += min(room, len(text))
            self._length += len(text)

    def _end(self, name: str) -> None:
        if name == self._v or name == self._t:
            self._collecting = False
        elif name == self._c:
            self._end_cell()
        elif name == self._row:
            self._done.append((self._row_number, self._cells))
        elif name == self._reading:
            self._in_reading = False

    def _too_long(self, number: int) -> RowTooLongError:
        return RowTooLongError(
            self._container.file,
            _("the row has more than {limit} characters"),
            _("Remove or shorten its texts"),
            line=number,
            limit=self._limits.row,
        )

    def _begin_row(self, attributes: dict[str, str]) -> None:
        number = whole(attributes.get("r"), self._row_number + 1)
        if not self._row_number < number <= _LAST_ROW:
            raise self._container.damaged(_("row {row} is out of order"), row=number)
        self._row_number, self._row_size, self._cells = number, 0, []

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        self._attributes = attributes
        self._pieces: list[str] = []
        self._length = 0
        self._collecting = self._has_formula = self._has_value = False

    def _end_cell(self) -> None:
        cells = self._cells
        column = self._column()
        gap = column - len(cells)
        if gap:
            if gap < 0 or column >= _LAST_COLUMN:
                raise self._container.damaged(_("cell {cell} is out of order"), cell=self._attributes.get("r"))
            cells.extend([""] * gap)
        elif column >= _LAST_COLUMN:
            raise self._container.damaged(_("row {row} has too many cells"), row=self._row_number)
        if self._row_size > self._limits.row:
            raise self._too_long(self._row_number)
        cells.append(self._value())

    def _column(self) -> int:
        """Return the column's number; ``C7`` is 2."""
        letters = self._attributes.get("r", "").rstrip(_DIGITS)
        known = self._columns.get(letters) if letters else len(self._cells)
        return self._learn_column(letters) if known is None else known

    def _learn_column(self, letters: str) -> int:
        if len(letters) > 3 or not letters.isascii() or not letters.isalpha():
            raise self._container.damaged(_("column {column} does not exist"), column=letters)
        number = 0
        for letter in letters.upper():
            number = number * 26 + ord(letter) - 64
        self._columns[letters] = number - 1
        return number - 1

    def _value(self) -> Cell | Fault:
        raw = "".join(self._pieces)
        kind = self._attributes.get("t", "n")
        if self._has_formula and not (raw or (self._has_value and kind == "str")):
            return Fault(_FORMULA)
        match kind:
            case "n":
                return self._number(raw) if raw else ""
            case "s":
                return _Shared(whole(raw, -1)) if raw else ""
            case "b":
                return raw.strip() == "1"
            case "e":
                return Fault(_ERROR, raw)
            case "d":
                return self._iso(raw)
            case _:
                return unescape(raw)

    def _shared(self, number: int) -> Cell | Fault:
        text = self._strings.get(number)
        return Fault(_NO_TEXT, str(number)) if text is None else text

    def _number(self, raw: str) -> Cell | Fault:
        try:
            number = float(raw)
        except ValueError:
            return Fault(_NO_NUMBER, raw)
        if not math.isfinite(number):
            return Fault(_NO_NUMBER, raw)
        kind = self._kind()
        if kind:
            return self._moment(number, kind)
        # A workbook keeps binary floats, written with up to 17 digits: 1.1 is 1.1000000000000001 in the file.
        return int(number) if number.is_integer() and abs(number) < 1e15 else Decimal(repr(number))

    def _kind(self) -> DateKind:
        style = self._attributes.get("s")
        if style is None:
            return ""
        styles = self._book.styles
        number = whole(style, len(styles))
        return styles[number] if number < len(styles) else ""

    def _moment(self, number: float, kind: DateKind) -> Cell | Fault:
        """Return what a serial number in a date format means: a date, or a date with a time, or a time."""
        # Excel believes in 29 February 1900 (serial 60); before it, its count is one day ahead.
        days = number + 1 if number < 60 and not self._book.from_1904 and number >= 1 else number
        try:
            moment = self._epoch + timedelta(milliseconds=round(days * 86_400_000))
        except OverflowError:
            return Fault(_NO_DATE, repr(number))
        if number < 0:
            return Fault(_NO_DATE, repr(number))
        if number < 1 and kind == "time":
            return moment.time().isoformat()
        return moment.date() if moment.time() == moment.min.time() else moment

    def _iso(self, raw: str) -> Cell | Fault:
        try:
            return date.fromisoformat(raw) if len(raw) == 10 else datetime.fromisoformat(raw)
        except ValueError:
            return Fault(_NO_DATE, raw)

    def fraction(self) -> float:
        """Return how much of the part has been read, from 0 to 1."""
        return self._container.fraction(self._part)
