"""Indexes on custom fields: made and dropped off the request path, to be what the definitions ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmkit.core.entity import EntityInfo, FieldInfo
from crmkit.core.fields import Reference
from crmkit.core.storage.custom import column_in
from crmkit.core.storage.engines import Storage
from crmkit.core.storage.schema import column_names, index_name

if TYPE_CHECKING:
    from crmkit.core.model import Model

__all__ = ["bring_indexes_up_to_date", "missing_indexes"]

_PREFIX = "cx"


def bring_indexes_up_to_date(model: Model) -> list[str]:
    """Make the indexes of custom fields that are missing, drop those that no field asks for, and return their names.

    Doing it twice does no harm. PostgreSQL builds beside everybody's reads and writes; SQLite lets readers go on.
    """
    storage = model.storage
    wanted, present = _wanted(model), _present(storage)
    changed = []
    for name in sorted(present.keys() - wanted.keys()):
        _run(storage, f"DROP INDEX {_concurrently(storage)} IF EXISTS {name}")
        changed.append(name)
    for name, (table, columns) in sorted(wanted.items()):
        # What PostgreSQL could not finish stays behind, useless.
        if present.get(name):
            continue
        if name in present:
            _run(storage, f"DROP INDEX {_concurrently(storage)} IF EXISTS {name}")
        _run(storage, f"CREATE INDEX {_concurrently(storage)} {name} ON {table} ({columns}) WHERE deleted_at IS NULL")
        changed.append(name)
    if changed and not storage.is_sqlite:
        for table in sorted({table for name, (table, _columns) in wanted.items() if name in changed}):
            # Without statistics of the expression its planner takes a guess.
            _run(storage, f"ANALYZE {table}")
    return changed


def missing_indexes(model: Model) -> list[str]:
    """Return the names of the indexes that definitions ask for and the database lacks."""
    present = _present(model.storage)
    return sorted(name for name in _wanted(model) if not present.get(name))


def _wanted(model: Model) -> dict[str, tuple[str, str]]:
    """Return the table and the columns of each index by name."""
    found: dict[str, tuple[str, str]] = {}
    there = set(sa.inspect(model.storage.engine).get_table_names())
    # What a revision is to make, or has taken back, has no indexes.
    for info in (each for each in model.registry.entities.values() if each.table in there):
        for field in info.custom.values():
            if field.indexed or isinstance(field.type, Reference):
                for scope in _scopes(info, field):
                    name = index_name(_PREFIX, info.table, [*scope, *column_names(field), "id"]).replace(".", "_")
                    found[name] = info.table, ", ".join([*scope, _expression(model, info, field), "id"])
    return found


def _scopes(info: EntityInfo, field: FieldInfo) -> Iterator[tuple[str, ...]]:
    """Yield what stands before the value: nothing, and the scopes behind which lists page."""
    yield ()
    if info.owned and field.indexed:
        yield from (("owner_id",), ("team_id",))


def _expression(model: Model, info: EntityInfo, field: FieldInfo) -> str:
    """Return the expression by which statements read *field*, as an index has it."""
    value = column_in(model.schema.table(info).c, column_names(field)[0], field.type.columns()[-1])
    options = {"literal_binds": True, "include_table": False}
    return f"({value.compile(dialect=model.storage.dialect, compile_kwargs=options)})"


def _present(storage: Storage) -> dict[str, bool]:
    """Return the indexes of custom fields that there are, and whether each can be used."""
    asked = (
        "SELECT name, 1 FROM sqlite_master WHERE type = 'index' AND substr(name, 1, 3) = 'cx_'"
        if storage.is_sqlite
        else "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
        "WHERE left(c.relname, 3) = 'cx_' AND pg_table_is_visible(c.oid)"
    )
    with storage.reading() as connection:
        return {name: bool(valid) for name, valid in connection.execute(sa.text(asked))}


def _concurrently(storage: Storage) -> str:
    return "" if storage.is_sqlite else "CONCURRENTLY"


def _run(storage: Storage, ddl: str) -> None:
    if storage.is_sqlite:
        with storage.writing() as connection:
            connection.exec_driver_sql(ddl)
        return
    with storage.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(ddl)
