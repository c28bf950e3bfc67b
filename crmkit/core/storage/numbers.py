"""The counters behind human numbers. Gaps are normal: a number once taken is never given again."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from crmkit.core.storage.prepared import Insert, Prepared
from crmkit.core.storage.schema import Schema

__all__ = ["Numbers", "drop_counter", "sequence_name", "use_up_no_numbers"]

# Far behind every number that a record has, so that nobody who takes one waits for what is undone; and each time
# elsewhere, up to the end of what PostgreSQL counts.
_FAR, _PLACES = 10**15, 9000


def sequence_name(entity: str) -> str:
    """Return the name of the counter of *entity*, on PostgreSQL a sequence."""
    return f"seq_{entity.replace('.', '_')}"


def drop_counter(connection: Connection, kept: sa.Table, name: str) -> None:
    """Forget the counter *name*, if there is one; *kept* is the table in which SQLite has it."""
    if connection.dialect.name == "sqlite":
        connection.execute(sa.delete(kept).where(kept.c.name == name))
    else:
        connection.exec_driver_sql(f"DROP SEQUENCE IF EXISTS {connection.dialect.identifier_preparer.quote(name)}")


def use_up_no_numbers(connection: Connection, entities: Iterable[str]) -> None:
    """Have the numbers that this transaction takes for *entities* be none that others would get, for it is undone.

    SQLite gives them back by itself. The sequences of PostgreSQL would not; temporary ones stand before them.
    """
    if connection.dialect.name == "sqlite":
        return
    database = sa.func.current_database()
    # Where it is not allowed there are gaps, as after every transaction that is undone.
    if connection.scalar(sa.select(sa.func.has_database_privilege(database, "TEMPORARY"))):
        for entity in entities:
            name = connection.dialect.identifier_preparer.quote(sequence_name(entity))
            start = _FAR * (1 + secrets.randbelow(_PLACES))
            connection.exec_driver_sql(f"CREATE TEMPORARY SEQUENCE {name} START {start}")


class Numbers:
    """Takes numbers: from a table on SQLite, from sequences on PostgreSQL so that writers do not wait."""

    def __init__(self, schema: Schema, dialect: sa.Dialect) -> None:
        """Prepare the statements."""
        table = schema.system.sequence
        name = sa.bindparam("name", type_=sa.String(), required=True)
        many = sa.bindparam("many", type_=sa.Integer(), required=True)
        self._is_postgresql = dialect.name == "postgresql"
        if self._is_postgresql:
            drawn = sa.func.nextval(sa.cast(name, postgresql.REGCLASS))
            self._draw = Prepared(sa.select(drawn).select_from(sa.func.generate_series(1, many)), dialect)
            return
        raised = sa.update(table).where(table.c.name == name).values(value=table.c.value + many)
        self._raise = Prepared(raised.returning(table.c.value), dialect)
        self._begin = Insert(table, dialect)

    def take(self, connection: Connection, entity: str, many: int) -> Sequence[int]:
        """Return *many* numbers of *entity* that nobody else gets, in order."""
        given = {"name": sequence_name(entity), "many": many}
        if self._is_postgresql:
            return [row[0] for row in self._draw.rows(connection, given)]
        rows = self._raise.rows(connection, given)
        if not rows:
            self._begin.insert(connection, [{"name": given["name"], "value": many}])
        last = rows[0][0] if rows else many
        return range(last - many + 1, last + 1)
