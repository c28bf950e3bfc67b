from __future__ import annotations

from pathlib import Path

import pytest

from crmkit.transfer.cells import Row
from crmkit.transfer.sources import open_source


@pytest.fixture
def put(tmp_path: Path):
    """Write a file and return its path."""

    def write(content: str | bytes, name: str = "deals.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


@pytest.fixture
def read():
    """Return columns and rows of a file."""

    def rows(path: Path, options=None, limits=None) -> tuple[tuple[str, ...], list[Row]]:
        with open_source(path, options, limits) as source:
            return source.columns, list(source.rows())

    return rows
