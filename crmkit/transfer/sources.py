"""Opening a file, whatever kind it turns out to be: its content decides, not its name."""

from __future__ import annotations

import codecs
from pathlib import Path

import attrs

from crmkit.core.text import gettext as _
from crmkit.transfer.cells import Limits, Source
from crmkit.transfer.csv_source import CsvSource, TextOptions
from crmkit.transfer.errors import SourceEmptyError, SourceFormatError, SourceMissingError
from crmkit.transfer.errors_file import COLUMNS, ErrorFileSource, is_error_file
from crmkit.transfer.xlsx.container import OLE, ZIP
from crmkit.transfer.xlsx_source import SheetOptions, XlsxSource

__all__ = ["FileOptions", "open_source"]

_KNOWN = {b"%PDF": "PDF", b"\x1f\x8b": "gzip", b"\x89PNG": "PNG", b"BZh": "bzip2", b"7z\xbc\xaf": "7-Zip"}


@attrs.frozen
class FileOptions:
    """What a plan may state about a file; everything that is ``None`` is found out."""

    encoding: str | None = None
    delimiter: str | None = None
    quote: str = '"'
    sheet: str | None = None
    header: int | None = None
    #: The encoding was checked before, over the whole file.
    checked: bool = False


def open_source(path: Path, options: FileOptions | None = None, limits: Limits | None = None) -> Source:
    """Return *path* as a stream of rows: CSV, TSV, XLSX, or an error file of a former import.

    Raises:
        SourceError: the file is missing, empty, of another kind, or not as *options* state.
    """
    options = options or FileOptions()
    head = _head(path)
    if head.startswith((ZIP, OLE)):
        return XlsxSource(path, SheetOptions(options.sheet, options.header), limits)
    kind = next((name for mark, name in _KNOWN.items() if head.startswith(mark)), None)
    if kind is not None:
        raise SourceFormatError(path.name, _("it is a {kind} file"), _("Give a CSV or XLSX file"), kind=kind)
    if _starts_as_error_file(head):
        # A spreadsheet saved it as it pleased; what the plan states is about the original.
        return ErrorFileSource(CsvSource(path, limits=limits))
    stated = TextOptions(options.encoding, options.delimiter, options.quote, options.header, options.checked)
    return CsvSource(path, stated, limits)


def _starts_as_error_file(head: bytes) -> bool:
    encoding = "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    text = head[:512].decode(encoding, "replace").replace('"', "")
    return any(is_error_file(text.split(delimiter, len(COLUMNS))) for delimiter in ",;\t")


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except FileNotFoundError:
        beside = sorted(other.name for other in path.parent.glob("*") if other.is_file())[:20]
        raise SourceMissingError(
            path.name,
            _("there is no such file in {folder}"),
            _("The files there are: {beside}"),
            folder=str(path.parent),
            beside=", ".join(beside) or "–",
        ) from None
    except (IsADirectoryError, PermissionError) as error:
        raise SourceMissingError(path.name, _("it cannot be opened: {cause}"), cause=error.strerror) from None
    if not head:
        raise SourceEmptyError(path.name, _("it is empty"), _("Its first row must name the columns"))
    return head
