"""Renaming a field, with everything in the database that calls it by its name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.engine import Connection

from crmkit.core.migrating.carrying import carry_names
from crmkit.core.migrating.errors import RevisionError
from crmkit.core.migrating.recording import record_rename
from crmkit.core.storage.schema import index_name
from crmkit.core.text import gettext as _

__all__ = ["rename_field"]

# What follows a field's name in the columns of money, of references to any record, and of what is encrypted.
_SUFFIXES = ("_minor", "_currency", "_base", "_entity", "_id", "_sealed", "_index")


def rename_field(entity: str, old: str, new: str) -> None:
    """Rename the field *old* of *entity* to *new*, inside the ``upgrade`` or ``downgrade`` of a revision.

    Its columns and their indexes are renamed, and so is the field in whatever is stored and names it: masks and rules
    of grants, shipped roles that were edited, versions of pipelines, automations, retention rules, and the records of
    which plugins say so, such as views. Each of those changes is in the ledger.
    Declare the field with ``formerly=old``, so that the history of records tells its earlier values under the new
    name.

    Raises:
        RevisionError: the entity's table has no such field.
    """
    if record_rename(op.get_context().impl, entity, old, new):
        return
    connection = op.get_bind()
    _rename_columns(connection, entity.replace(".", "_"), old, new)
    carry_names(op.get_context().opts["crm"], connection, entity, old, new)


def _rename_columns(connection: Connection, table: str, old: str, new: str) -> None:
    inspector = sa.inspect(connection)
    present = [column["name"] for column in inspector.get_columns(table)] if inspector.has_table(table) else []
    found = [old] if old in present else [old + suffix for suffix in _SUFFIXES if old + suffix in present]
    if not found:
        raise RevisionError(f"{table}.{old}", _("there is no such field"))
    names = {column: new + column.removeprefix(old) for column in found}
    quoted = connection.dialect.identifier_preparer.quote
    indexes = inspector.get_indexes(table)
    for before, after in names.items():
        connection.exec_driver_sql(f"ALTER TABLE {table} RENAME COLUMN {quoted(before)} TO {quoted(after)}")
    for index in indexes:
        columns = [str(column) for column in index["column_names"]]
        prefix = "uq" if index["unique"] else "ix"
        if index["name"] == index_name(prefix, table, columns) and set(columns) & names.keys():
            _rename_index(connection, str(index["name"]), index_name(prefix, table, [names.get(c, c) for c in columns]))


def _rename_index(connection: Connection, old: str, new: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"ALTER INDEX {old} RENAME TO {new}")
        return
    # SQLite has no other way than to make it again.
    made = sa.text("SELECT sql FROM sqlite_master WHERE type = 'index' AND name = :name")
    ddl: str = connection.execute(made, {"name": old}).scalar_one()
    connection.exec_driver_sql(f"DROP INDEX {old}")
    connection.exec_driver_sql(ddl.replace(old, new, 1))
