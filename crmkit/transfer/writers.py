"""Rows into files: CSV, XLSX and JSON Lines, one row at a time, complete or not at all."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Protocol
from uuid import UUID

from crmkit.core.errors import MissingExtraError
from crmkit.core.fields import Target
from crmkit.core.money import Money
from crmkit.core.text import gettext as _
from crmkit.transfer.errors import ExportError, ExportTargetError
from crmkit.transfer.neutral import neutralise

__all__ = ["FORMATS", "MEDIA_TYPES", "RowWriter", "format_of", "write_rows"]


class RowWriter(Protocol):
    """Writes rows to an open binary file; :meth:`close` completes it and leaves it open."""

    def write(self, row: Sequence[Any]) -> None:
        """Write one row, with a value for each column."""

    def close(self) -> None:
        """Write what is still missing."""


def plain(value: Any) -> str:
    """Return *value* as the text that an import reads as the same value."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case datetime() | date():
            return value.isoformat()
        case Money(amount=amount, currency=currency):
            return f"{amount:f} {currency}"
        case Target(entity=entity, id=id):
            return f"{entity}/{id}"
        case tuple() | list() if all(isinstance(part, str) for part in value):
            return ";".join(value)
        case tuple() | list() | dict():
            return _json(value)
        case _:
            return str(value)


def _json(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, default=_plain_json)


def _plain_json(value: Any) -> Any:
    match value:
        case Money(amount=amount, currency=currency):
            return {"amount": f"{amount:f}", "currency": currency}
        case Target(entity=entity, id=id):
            return {"entity": entity, "id": str(id)}
        case UUID() | Decimal() | datetime() | date():
            return plain(value)
        case _:
            raise TypeError(f"{type(value).__name__} has no form in JSON")


class CsvWriter:
    """Comma-separated UTF-8; text that a spreadsheet would run is made harmless, imports restore it."""

    def __init__(self, file: IO[bytes], columns: Sequence[str], *, mark: bool = True) -> None:
        """Write *columns* as the first row; the byte order *mark* is what makes Excel read UTF-8."""
        self._text = io.TextIOWrapper(file, "utf-8-sig" if mark else "utf-8", newline="", write_through=False)
        self._writer = csv.writer(self._text, lineterminator="\r\n")
        self._writer.writerow([neutralise(name) for name in columns])

    def write(self, row: Sequence[Any]) -> None:
        """Write one row."""
        self._writer.writerow([neutralise(v) if isinstance(v, str) else _harmless(v) for v in row])

    def close(self) -> None:
        """Write what is still buffered."""
        self._text.flush()
        self._text.detach()


def _harmless(value: Any) -> str:
    """Return a value that is no text; only numbers may begin with a sign."""
    text = plain(value)
    return text if isinstance(value, (int, Decimal, Money)) else neutralise(text)


class JsonLinesWriter:
    """One JSON object for each row; decimals and ids are texts, so that nothing is rounded."""

    def __init__(self, file: IO[bytes], columns: Sequence[str]) -> None:
        """Use *columns* as keys."""
        self._file, self._columns = file, tuple(columns)

    def write(self, row: Sequence[Any]) -> None:
        """Write one row."""
        line = _json(dict(zip(self._columns, row, strict=True)))
        self._file.write(line.encode() + b"\n")

    def close(self) -> None:
        """Write what is still buffered."""
        self._file.flush()


_PARTIAL = ".part"
_MAX_ROWS = 1_048_576
_MAX_TEXT = 32_767


class XlsxWriter:
    """An Excel workbook with one sheet, written row by row; needs the extra ``io``.

    Datetimes stand in *zone*, because a workbook knows no zones. Text is never taken for a formula or a link.
    """

    def __init__(self, file: IO[bytes], columns: Sequence[str], *, zone: tzinfo = UTC) -> None:
        """Write *columns* as the first row.

        Raises:
            MissingExtraError: the package that writes workbooks is not installed.
        """
        try:
            import xlsxwriter
        except ImportError:
            raise MissingExtraError("XLSX", "xlsxwriter", "io") from None
        self._columns, self._zone, self._next = tuple(columns), zone, 0
        options = {"constant_memory": True, "tmpdir": tempfile.gettempdir()}
        self._book = xlsxwriter.Workbook(file, options)
        self._sheet = self._book.add_worksheet()
        self._sheet.freeze_panes(1, 0)
        self._day = self._book.add_format({"num_format": "yyyy-mm-dd"})
        self._moment = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._name = Path(str(getattr(file, "name", "workbook"))).name.removesuffix(_PARTIAL)
        self.write(columns)

    def write(self, row: Sequence[Any]) -> None:
        """Write one row.

        Raises:
            ExportError: the sheet is full, or a text is longer than a cell may be.
        """
        if self._next >= _MAX_ROWS:
            raise ExportError(self._name, "XLSX", f"more than {_MAX_ROWS - 1:,} rows", "CSV")
        for column, value in enumerate(row):
            if value is not None:
                self._cell(column, value)
        self._next += 1

    def _cell(self, column: int, value: Any) -> None:
        sheet, row = self._sheet, self._next
        match value:
            case bool():
                sheet.write_boolean(row, column, value)
            case int() | Decimal() if _is_exact(value):
                sheet.write_number(row, column, value)
            case datetime() if value.year >= 1900:
                sheet.write_datetime(row, column, self._wall(value), self._moment)
            case date() if value.year >= 1900:
                sheet.write_datetime(row, column, value, self._day)
            case _:
                self._text(column, plain(value))

    def _wall(self, moment: datetime) -> datetime:
        return (moment.astimezone(self._zone) if moment.tzinfo else moment).replace(tzinfo=None)

    def _text(self, column: int, text: str) -> None:
        if len(text) > _MAX_TEXT:
            raise ExportError(self._name, "XLSX", f"a text of {len(text):,} characters", "CSV")
        self._sheet.write_string(self._next, column, text)

    def close(self) -> None:
        """Put the workbook together."""
        self._book.close()


def _is_exact(number: int | Decimal) -> bool:
    """Return whether a workbook, which keeps binary floats, shows *number* unchanged: 15 digits."""
    return len(Decimal(number).as_tuple().digits) <= 15


#: What can be written, by the name that a file's ending or a surface gives.
FORMATS: dict[str, Callable[[IO[bytes], Sequence[str]], RowWriter]] = {
    "csv": CsvWriter,
    "xlsx": XlsxWriter,
    "jsonl": JsonLinesWriter,
}


#: The media types of the formats.
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "jsonl": "application/jsonl",
}


def format_of(path: Path) -> str:
    """Return the format that the ending of *path* names.

    Raises:
        ExportTargetError: no format has this ending.
    """
    ending = path.suffix.lower().lstrip(".")
    found = {"ndjson": "jsonl"}.get(ending, ending)
    if found not in FORMATS:
        raise ExportTargetError(
            str(path), _("its ending names no format; end it in .csv, .xlsx or .jsonl, or say which format it is")
        )
    return found


def write_rows(
    target: Path | IO[bytes],
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    format: str | None = None,
) -> int:
    """Write *rows* under *columns* to *target* and return how many there were.

    A path is replaced when all rows are written; until then, and after an error, the old file stays.

    Raises:
        ExportTargetError: the format does not exist.
        ExportError: it cannot hold a value.
    """
    if isinstance(target, Path):
        chosen = format or format_of(target)
        with _replacing(target) as file:
            return _write_all(FORMATS[chosen](file, columns), rows)
    return _write_all(FORMATS[format or "csv"](target, columns), rows)


def _write_all(writer: RowWriter, rows: Iterable[Sequence[Any]]) -> int:
    count = 0
    try:
        for row in rows:
            writer.write(row)
            count += 1
    finally:
        # Also after an error: it frees what the writer holds, and leaves the caller's file open.
        writer.close()
    return count


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    partial = path.with_name(f"{path.name}{_PARTIAL}")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
