"""Workbooks as they were written: what stands in their cells, and everything that is in the file."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

from crmkit.transfer.xlsx_source import XlsxSource

__all__ = ["cells", "shown"]

# It tells when the file was made.
_MADE = "docProps/core.xml"


def cells(file: bytes) -> list[list[Any]]:
    """Return the rows of the only sheet below its header, but for those that are empty."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "read.xlsx")
        path.write_bytes(file)
        with XlsxSource(path) as source:
            return [list(row.cells) for row in source.rows()]


def shown(file: object) -> str:
    """Return *file* as text: of a workbook every part, unpacked, but for the moment at which it was made."""
    if not (isinstance(file, bytes) and file.startswith(b"PK")):
        return repr(file)
    with ZipFile(BytesIO(file)) as book:
        return repr({name: book.read(name) for name in book.namelist() if name != _MADE})
