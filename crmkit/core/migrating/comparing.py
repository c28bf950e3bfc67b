"""Where the tables in a database differ from those that the plugins declare.

What nobody declares any more is kept: its data may be wanted, and what administrators add is none of our business.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from alembic.autogenerate import produce_migrations
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import Connection

from crmkit.core.migrating.operations import Operation
from crmkit.core.migrating.recording import record_operations
from crmkit.core.storage.schema import Schema, index_name

__all__ = ["compare", "in_words", "unclaimed"]


def compare(connection: Connection, schema: Schema, owners: Collection[str]) -> list[ops.MigrateOperation]:
    """Return the operations that make the tables of the plugins *owners* what *schema* says.

    No table and no column is ever dropped. A column that no field claims any more may be empty from then on, so that
    records without it can be written.
    """
    with warnings.catch_warnings():
        # An index on an expression was made by somebody else, or for a custom field: it is not compared.
        warnings.filterwarnings("ignore", message="Skipped unsupported reflection of expression-based index")
        context = _context(connection, schema, owners)
        upgrade = produce_migrations(context, schema.metadata).upgrade_ops
    assert upgrade is not None
    return [*_flat(upgrade.ops), *_relaxed(connection, schema, owners)]


def _context(connection: Connection, schema: Schema, owners: Collection[str]) -> MigrationContext:
    tables = {name: table for name, table in schema.metadata.tables.items() if table.info["owner"] in owners}

    def include_name(name: str | None, type_: str, _parents: Any) -> bool:
        return type_ != "table" or name in tables

    def include_object(thing: Any, name: str | None, type_: str, reflected: bool, counterpart: Any) -> bool:
        if type_ == "table":
            return name in tables
        if not reflected or counterpart is not None:
            return True
        return _may_be_dropped(thing, type_, tables)

    options = {"include_name": include_name, "include_object": include_object, "compare_type": True}
    return MigrationContext.configure(connection, opts={**options, "target_metadata": schema.metadata})


def _may_be_dropped(thing: Any, type_: str, tables: dict[str, sa.Table]) -> bool:
    """Return whether crmkit made *thing*, so that it goes when nobody declares it any more."""
    if type_ == "index":
        columns = [column.name for column in thing.columns]
        return thing.name in {index_name(prefix, thing.table.name, columns) for prefix in ("ix", "uq")}
    if type_ == "foreign_key_constraint":
        return all(column.name in tables[thing.table.name].columns for column in thing.columns)
    return False


def _flat(found: Sequence[ops.MigrateOperation]) -> Iterator[ops.MigrateOperation]:
    for operation in found:
        if isinstance(operation, ops.ModifyTableOps):
            yield from operation.ops
        else:
            yield operation


def _relaxed(connection: Connection, schema: Schema, owners: Collection[str]) -> Iterator[ops.AlterColumnOp]:
    for table, column in unclaimed(connection, schema, owners):
        if column is not None and not column["nullable"] and column["default"] is None:
            facts = {"existing_type": column["type"], "existing_nullable": False}
            yield ops.AlterColumnOp(table, column["name"], modify_nullable=True, **facts)


def unclaimed(connection: Connection, schema: Schema, owners: Collection[str]) -> Iterator[tuple[str, Any]]:
    """Yield ``(table, column)`` of each column that no field claims, as the inspector tells it."""
    inspector = sa.inspect(connection)
    present = set(inspector.get_table_names())
    for name, table in schema.metadata.tables.items():
        if name in present and table.info["owner"] in owners:
            for column in inspector.get_columns(name):
                if column["name"] not in table.columns:
                    yield name, column


def in_words(operations: Sequence[ops.MigrateOperation], dialect: sa.Dialect) -> list[Operation]:
    """Return *operations* as sentences, with what they would cost."""

    def run() -> None:
        for operation in operations:
            op.invoke(operation)

    return record_operations(run, dialect)
