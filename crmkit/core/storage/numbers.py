"""The counters behind human numbers. Gaps are normal: a number once taken is never given again."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.storage.schema import Schema

__all__ = ["Numbers", "sequence_name"]


def sequence_name(entity: str) -> str:
    """Return the name of the counter of *entity*, on PostgreSQL a sequence."""
    return f"seq_{entity.replace('.', '_')}"


class Numbers:
    """Takes numbers: from a table on SQLite, from sequences on PostgreSQL so that writers do not wait."""

    def __init__(self, schema: Schema, dialect: sa.Dialect) -> None:
        """Keep the table of counters."""
        self._table, self._dialect = schema.system.sequence, dialect

    def take(self, connection: Connection, entity: str, many: int) -> Sequence[int]:
        """Return *many* numbers of *entity* that nobody else gets, in order."""
        name = sequence_name(entity)
        if self._dialect.name == "postgresql":
            drawn = sa.text("SELECT nextval(CAST(:name AS regclass)) FROM generate_series(1, :many)")
            return list(connection.scalars(drawn, {"name": name, "many": many}))
        last = self._advance(connection, name, many)
        return range(last - many + 1, last + 1)

    def _advance(self, connection: Connection, name: str, many: int) -> int:
        table = self._table
        raised = (
            sa.update(table).where(table.c.name == name).values(value=table.c.value + many).returning(table.c.value)
        )
        last = connection.scalar(raised)
        if last is None:
            connection.execute(sa.insert(table).values(name=name, value=many))
            return many
        return int(last)
