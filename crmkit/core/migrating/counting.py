"""Tables with their rows."""

from __future__ import annotations

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

__all__ = ["CountedTable", "count_rows"]


@attrs.frozen
class CountedTable:
    """A table, by the name that it has in use, and its rows."""

    name: str
    rows: int


def count_rows(connection: Connection, table: sa.FromClause | str, *where: sa.ColumnElement[bool]) -> int:
    """Return how many rows of *table* meet *where*."""
    source = sa.table(table) if isinstance(table, str) else table
    return int(connection.scalar(sa.select(sa.func.count()).select_from(source).where(*where)) or 0)
