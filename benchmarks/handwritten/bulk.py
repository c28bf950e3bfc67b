"""Many rows into one table: executemany of ``text()`` on SQLite, COPY on PostgreSQL, which is faster there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from benchmarks.handwritten.reading import Hand

__all__ = ["Rows"]


class Rows:
    """The rows of *table*, with values for *columns*."""

    def __init__(self, hand: Hand, table: str, columns: Sequence[str]) -> None:
        """Write the statements."""
        listed = ", ".join(columns)
        self._columns, self._is_sqlite = tuple(columns), hand.is_sqlite
        marks = ", ".join(f":{name}" for name in columns)
        self._insert = sa.text(f"INSERT INTO {table} ({listed}) VALUES ({marks})")
        self._copy = f"COPY {table} ({listed}) FROM STDIN"

    def insert(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert *rows*, each with its values in the order of the columns."""
        if not self._is_sqlite and len(rows) > 1:
            driver: Any = connection.connection.driver_connection
            with driver.cursor() as cursor, cursor.copy(self._copy) as copy:
                for row in rows:
                    copy.write_row(row)
        elif rows:
            columns = self._columns
            connection.execute(self._insert, [dict(zip(columns, row, strict=True)) for row in rows])
