"""Whether the database is sound in itself: its pages, and the rows that refer to others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.storage.schema import Schema
from crmkit.core.text import gettext as _
from crmkit.core.verifying.findings import Finding

__all__ = ["examine_pages", "examine_references"]

_MOST = 100


def examine_pages(connection: Connection) -> Iterator[Finding]:
    """Yield what SQLite finds in its file; PostgreSQL checks its pages itself, where checksums are on."""
    if connection.dialect.name != "sqlite":
        return
    for said in connection.exec_driver_sql(f"PRAGMA integrity_check({_MOST})").scalars():
        if said != "ok":
            mend = _("The file is damaged. Restore a backup: crmkit restore FILE --replace")
            yield Finding("database", "", "", _("SQLite says: {said}"), mend, {"said": said})


def examine_references(connection: Connection, schema: Schema) -> Iterator[Finding]:
    """Yield the rows that refer to a row that is not there."""
    for table in schema.metadata.sorted_tables:
        for key in sorted(table.foreign_keys, key=lambda key: str(key.parent.name)):
            yield from _dangling(connection, table, key)


def _dangling(connection: Connection, table: sa.Table, key: sa.ForeignKey) -> Iterator[Finding]:
    column: Any = key.parent
    # One that refers to its own table must not be correlated with it.
    target = key.column.table.alias()
    there = sa.exists().where(target.c[key.column.name] == column)
    lost = sa.select(next(iter(table.primary_key)), column).where(column.is_not(None), ~there).limit(_MOST)
    for row, referred in connection.execute(lost):
        message = _("{column} refers to {referred}, which is not in {target}")
        mend = _("Restore the row that is missing from a backup, or empty {column} of {table} {row}.")
        facts = {"column": column.name, "referred": referred, "target": key.column.table.name}
        yield Finding("references", table.name, str(row), message, mend, facts)
