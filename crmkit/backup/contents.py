"""What a database holds: every table with its columns, what makes them, their rows, and the counters."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateIndex, CreateTable

from crmkit.backup.errors import BackupContentError
from crmkit.backup.frames import Column, Table
from crmkit.backup.values import encoder, kind_of
from crmkit.core.migrating.applied import APPLIED
from crmkit.core.storage.search_index import DOCUMENTS, is_index_table

if TYPE_CHECKING:
    from crmkit.core.model import Model

__all__ = ["COUNTERS", "DIALECTS", "SEQUENCES", "RowReader", "read_counters", "survey", "tables_of"]

#: On SQLite the counters are rows, on PostgreSQL sequences; a backup has them at its end.
COUNTERS = "core_sequence"
SEQUENCES = "seq_"
DIALECTS: Mapping[str, sa.Dialect] = {
    "sqlite": sqlite.dialect(),
    "postgresql": postgresql.dialect(),  # type: ignore[no-untyped-call]
}
_BATCH = 500


def tables_of(connection: Connection) -> list[sa.Table]:
    """Return the tables that are backed up as the database describes them, those that others refer to first.

    Counters come at the end of a backup, and what search finds words by is made again of the records.
    """
    found = sa.MetaData()
    with warnings.catch_warnings():
        # That an index on an expression cannot be described: its own words are kept where it matters.
        warnings.simplefilter("ignore", sa.exc.SAWarning)
        found.reflect(connection)
        return [table for table in found.sorted_tables if not _is_left_out(table.name)]


def _is_left_out(table: str) -> bool:
    return table in (COUNTERS, DOCUMENTS) or is_index_table(table)


def survey(model: Model, connection: Connection) -> list[Table]:
    """Return every table of the database, also those that no plugin here declares.

    Raises:
        BackupContentError: a column has a type that backups do not know.
    """
    return [_table(model, connection, found) for found in tables_of(connection)]


def _table(model: Model, connection: Connection, found: sa.Table) -> Table:
    declared = APPLIED if found.name == APPLIED.name else model.schema.metadata.tables.get(found.name)
    # What the database works out by itself is worked out again.
    stored = [column for column in found.columns if column.computed is None]
    columns = [Column(str(c.name), _kind(connection, c, declared), _type(connection, c)) for c in stored]
    rows = connection.scalar(sa.select(sa.func.count()).select_from(found)) or 0
    return Table(str(found.name), columns, rows, _ddl(connection, found, declared))


def _kind(connection: Connection, column: sa.Column[Any], declared: sa.Table | None) -> str:
    if declared is not None and column.name in declared.columns:
        kind = kind_of(declared.columns[column.name].type)
    else:
        # What SQLite says of a type does not tell an id from a digest, or a moment from a text.
        kind = "raw" if connection.dialect.name == "sqlite" else kind_of(column.type)
    if kind is None:
        raise BackupContentError(column.table.name, column.name, str(column.type))
    return kind


def _type(connection: Connection, column: sa.Column[Any]) -> str:
    return column.type.compile(connection.dialect)


def _ddl(connection: Connection, found: sa.Table, declared: sa.Table | None) -> dict[str, dict[str, str]]:
    """Return what makes the table and its indexes where no revision does: both for SQLite and for PostgreSQL."""
    here, made = connection.dialect.name, dict[str, dict[str, str]]()
    if declared is not None:
        made = {dialect: _compiled(declared, dialect) for dialect in DIALECTS}
    elif here == "postgresql":
        made = {here: _compiled(found, here)}
    return {**made, here: made.get(here, {}) | _stored_ddl(connection, found)}


def _compiled(table: sa.Table, dialect: str) -> dict[str, str]:
    made = DIALECTS[dialect]
    ddl = {str(table.name): str(CreateTable(table).compile(dialect=made))}
    return ddl | {str(index.name): str(CreateIndex(index).compile(dialect=made)) for index in table.indexes}


def _stored_ddl(connection: Connection, table: sa.Table) -> dict[str, str]:
    """Return the words in which a table and its indexes were made, as far as the database keeps them."""
    if connection.dialect.name == "sqlite":
        asked = "SELECT name, sql FROM sqlite_master WHERE tbl_name = :table AND sql IS NOT NULL AND type <> 'trigger'"
    else:
        asked = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = :table AND schemaname = current_schema()"
    return _pairs(connection.execute(sa.text(asked), {"table": table.name}))


@attrs.frozen
class RowReader:
    """Reads the rows of one table as they stand in a backup."""

    table: Table

    def batches(self, connection: Connection) -> Iterator[list[bytes]]:
        """Yield the rows in batches, each row encoded; memory stays as it is."""
        dialect = connection.dialect.name
        encoders = [(place, encoder(c.kind, dialect)) for place, c in enumerate(self.table.columns)]
        changed = [(place, encode) for place, encode in encoders if encode is not None]
        pack = msgspec.msgpack.Encoder().encode
        for page in _pages(connection, self._query(dialect)):
            yield [pack(_converted(row, changed)) for row in page]

    def _query(self, dialect: str) -> str:
        quote = DIALECTS[dialect].identifier_preparer.quote
        cells = ", ".join(_cell(quote(column.name), column.kind, dialect) for column in self.table.columns)
        return f"SELECT {cells} FROM {quote(self.table.name)}"


def _cell(name: str, kind: str, dialect: str) -> str:
    # The drivers would decode it, and floats would not be what they were.
    return f"CAST({name} AS TEXT)" if kind == "json" and dialect == "postgresql" else name


def _converted(row: Sequence[Any], changed: Sequence[tuple[int, Any]]) -> list[Any]:
    values = list(row)
    for place, encode in changed:
        if values[place] is not None:
            values[place] = encode(values[place])
    return values


def _pages(connection: Connection, query: str) -> Iterator[Sequence[Any]]:
    """Yield the rows of *query* in pages. On PostgreSQL a cursor of the server does it, which every driver can use."""
    if connection.dialect.name == "sqlite":
        yield from connection.exec_driver_sql(query).partitions(_BATCH)
        return
    connection.exec_driver_sql(f"DECLARE backup_rows NO SCROLL CURSOR FOR {query}")
    while page := connection.exec_driver_sql(f"FETCH {_BATCH} FROM backup_rows").all():
        yield page
    connection.exec_driver_sql("CLOSE backup_rows")


def read_counters(model: Model, connection: Connection) -> dict[str, int]:
    """Return the last number that each counter has given."""
    if connection.dialect.name == "sqlite":
        sequence = model.schema.system.sequence
        return _pairs(connection.execute(sa.select(sequence.c.name, sequence.c.value)))
    # Numbers are drawn outside transactions: what is read here is at least what the rows have.
    asked = sa.text(
        "SELECT sequencename, last_value FROM pg_sequences "
        "WHERE schemaname = current_schema() AND starts_with(sequencename, :prefix) AND last_value IS NOT NULL"
    )
    return _pairs(connection.execute(asked, {"prefix": SEQUENCES}))


def _pairs(rows: sa.CursorResult[Any]) -> dict[str, Any]:
    return dict(map(tuple, rows))
