"""What the database holds beside tables: triggers, the index for search, sequences, functions, and first rows.

All of it is made again wherever it is missing, so that it needs no revisions: rebuilding a table drops its triggers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.ledger import GENESIS
from crmkit.core.registry import CORE, Registry
from crmkit.core.storage.casefold import casefold_function_ddl, casefold_unicode_version
from crmkit.core.storage.columns import Moment
from crmkit.core.storage.numbers import sequence_name
from crmkit.core.storage.schema import Schema
from crmkit.core.storage.search_index import DOCUMENTS, POSTGRESQL_INDEX, SQLITE_OBJECTS

__all__ = ["TOLD", "create_objects", "drop_objects", "missing_objects"]

# Erasing a person deletes payload rows; nothing else in the ledger ever changes or goes.
_REFUSED = {"core_ledger": ("update", "delete"), "core_ledger_payload": ("update",)}
#: The checkpoint of the dispatcher: the position up to which events have been told.
TOLD = "core.events"
_GUARD = "crm_refuse_ledger_change"


@attrs.frozen
class _DatabaseObject:
    """One object: its name for people, what asks whether it is there, and what makes it."""

    name: str
    exists: sa.TextClause | sa.Select[tuple[int]]
    make: Callable[[Connection], None]


def create_objects(connection: Connection, registry: Registry, schema: Schema) -> list[str]:
    """Make every object that is missing, inside the transaction of *connection*, and return their names."""
    made = list[str]()
    for wanted in _wanted(connection.dialect.name, registry, schema):
        if not connection.scalar(wanted.exists):
            wanted.make(connection)
            made.append(wanted.name)
    return made


def missing_objects(connection: Connection, registry: Registry, schema: Schema) -> list[str]:
    """Return the names of the objects that :func:`create_objects` would make."""
    tables = frozenset(sa.inspect(connection).get_table_names())
    wanted = _wanted(connection.dialect.name, registry, schema)
    return [one.name for one in wanted if not (_readable(one, tables) and connection.scalar(one.exists))]


def _readable(wanted: _DatabaseObject, tables: frozenset[str]) -> bool:
    """Return whether the question for a first row can be asked: not before its table exists."""
    if isinstance(wanted.exists, sa.Select):
        return all(str(table) in tables for table in wanted.exists.get_final_froms())
    return True


def drop_objects(connection: Connection, registry: Registry, plugin: str) -> None:
    """Drop the objects of *plugin* that do not go with its tables."""
    if connection.dialect.name == "postgresql":
        for name in _sequences(registry, plugin, with_taken_over=False):
            connection.exec_driver_sql(f"DROP SEQUENCE IF EXISTS {name}")
        if plugin == CORE:
            connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {_GUARD}() CASCADE")
            for name in ("crm_fold", *_ISO_READERS):
                connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {name}(text)")


def _wanted(dialect: str, registry: Registry, schema: Schema) -> Iterator[_DatabaseObject]:
    yield _first_row(schema.system.ledger_head, one=1, last_id=0, chain=GENESIS)
    yield _first_row(schema.system.epoch, one=1, value=1)
    yield _told_so_far(schema)
    for info in registry.entities.values():
        if info.declared_by is not None:
            yield _ownership(schema, info.id, info.declared_by)
    yield from _postgresql(registry) if dialect == "postgresql" else _sqlite()


def _first_row(table: sa.Table, **values: object) -> _DatabaseObject:
    insert = sa.insert(table).values(values)
    return _DatabaseObject(
        f"row of {table.name}", sa.select(sa.literal_column("1")).select_from(table), lambda c: _run(c, insert)
    )


def _ownership(schema: Schema, entity: str, plugin: str) -> _DatabaseObject:
    """Note who owns an entity whose id carries another name: parking finds its table when the code is gone."""
    table = schema.system.entity_owner
    exists: sa.Select[tuple[int]] = sa.select(sa.literal_column("1")).where(table.c.entity == entity)
    insert = sa.insert(table).values(entity=entity, plugin=plugin)
    return _DatabaseObject(f"row {entity} of {table.name}", exists, lambda c: _run(c, insert))


def _told_so_far(schema: Schema) -> _DatabaseObject:
    """Of what happened before events were told for the first time, none is told."""
    checkpoint, head = schema.system.checkpoint, schema.system.ledger_head
    begin = sa.select(sa.literal(TOLD), head.c.last_id, sa.bindparam("at", datetime.now(UTC), Moment()))
    insert = sa.insert(checkpoint).from_select(["key", "position", "updated_at"], begin)
    exists: sa.Select[tuple[int]] = sa.select(sa.literal_column("1")).where(checkpoint.c.key == TOLD)
    return _DatabaseObject(f"row {TOLD} of {checkpoint.name}", exists, lambda c: _run(c, insert))


def _run(connection: Connection, statement: sa.Executable | str) -> None:
    connection.execute(sa.text(statement) if isinstance(statement, str) else statement)


def _sqlite() -> Iterator[_DatabaseObject]:
    for table, verbs in _REFUSED.items():
        for verb in verbs:
            name = f"{table}_no_{verb}"
            refuse = f"SELECT RAISE(ABORT, '{table} may not be changed')"
            ddl = f"CREATE TRIGGER {name} BEFORE {verb.upper()} ON {table} BEGIN {refuse}; END"
            exists = sa.text("SELECT 1 FROM sqlite_master WHERE type = 'trigger' AND name = :name").bindparams(
                name=name
            )
            yield _DatabaseObject(f"trigger {name}", exists, lambda c, ddl=ddl: _run(c, ddl))  # type: ignore[misc]
    yield from map(_search_object, SQLITE_OBJECTS.items())


def _search_object(named: tuple[str, tuple[str, ...]]) -> _DatabaseObject:
    name, ddl = named
    exists = sa.text("SELECT 1 FROM sqlite_master WHERE name = :name").bindparams(name=name)

    def make(connection: Connection) -> None:
        for statement in ddl:
            connection.exec_driver_sql(statement)

    return _DatabaseObject(f"search {name}", exists, make)


def _postgresql(registry: Registry) -> Iterator[_DatabaseObject]:
    yield _fold()
    yield from map(_reading_iso, _ISO_READERS.items())
    yield _guard_function()
    yield _search_words()
    for table, verbs in _REFUSED.items():
        yield _guard(table, (*verbs, "truncate"))
    for name in _sequences(registry):
        exists = sa.text("SELECT 1 WHERE to_regclass(:name) IS NOT NULL").bindparams(name=name)
        yield _DatabaseObject(f"sequence {name}", exists, lambda c, name=name: _run(c, f"CREATE SEQUENCE {name}"))  # type: ignore[misc]


def _fold() -> _DatabaseObject:
    found = sa.text("SELECT 1 WHERE obj_description(to_regprocedure('crm_fold(text)')) = :made")
    exists = found.bindparams(made=f"Unicode {casefold_unicode_version()}")
    return _DatabaseObject("function crm_fold", exists, lambda c: _run_script(c, _fold_ddl()))


# What reads days and moments of custom fields. PostgreSQL's own casts follow the session, so that no index takes them.
_ISO_READERS = {
    "crm_day": (
        "date",
        "make_date(substr(value, 1, 4)::int, substr(value, 6, 2)::int, substr(value, 9, 2)::int)",
    ),
    "crm_moment": (
        "timestamptz",
        "make_timestamp(substr(value, 1, 4)::int, substr(value, 6, 2)::int, substr(value, 9, 2)::int, "
        "substr(value, 12, 2)::int, substr(value, 15, 2)::int, substr(value, 18, 9)::double precision) "
        "AT TIME ZONE 'UTC'",
    ),
}


def _reading_iso(named: tuple[str, tuple[str, str]]) -> _DatabaseObject:
    name, (kind, body) = named
    exists = sa.text("SELECT 1 WHERE to_regprocedure(:name) IS NOT NULL").bindparams(name=f"{name}(text)")
    ddl = (
        f"CREATE FUNCTION {name}(value text) RETURNS {kind} LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE "
        f"AS $crm$ SELECT {body} $crm$"
    )
    return _DatabaseObject(f"function {name}", exists, lambda c: _run_script(c, ddl))


@cache
def _fold_ddl() -> str:
    return casefold_function_ddl()


def _guard_function() -> _DatabaseObject:
    exists = sa.text("SELECT 1 WHERE to_regprocedure(:name) IS NOT NULL").bindparams(name=f"{_GUARD}()")
    body = "BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' may not be changed'; END"
    ddl = f"CREATE FUNCTION {_GUARD}() RETURNS trigger LANGUAGE plpgsql AS $crm$ {body} $crm$"
    return _DatabaseObject(f"function {_GUARD}", exists, lambda c: _run_script(c, ddl))


def _guard(table: str, verbs: tuple[str, ...]) -> _DatabaseObject:
    name = f"{table}_guard"
    asked = sa.text("SELECT 1 FROM pg_trigger WHERE tgname = :name AND tgrelid = to_regclass(:table)")
    events = " OR ".join(verb.upper() for verb in verbs)
    # For each statement: once is enough to refuse, and TRUNCATE knows nothing else.
    ddl = f"CREATE TRIGGER {name} BEFORE {events} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {_GUARD}()"
    return _DatabaseObject(f"trigger {name}", asked.bindparams(name=name, table=table), lambda c: _run(c, ddl))


def _search_words() -> _DatabaseObject:
    exists = sa.text("SELECT 1 WHERE to_regclass(:name) IS NOT NULL").bindparams(name=POSTGRESQL_INDEX)
    # Else each search would read through what was written since the index was last tidied up.
    ddl = f"CREATE INDEX {POSTGRESQL_INDEX} ON {DOCUMENTS} USING gin (words) WITH (fastupdate = off)"
    return _DatabaseObject(f"search {POSTGRESQL_INDEX}", exists, lambda c: _run(c, ddl))


def _run_script(connection: Connection, ddl: str) -> None:
    """Run *ddl* past everything that would read its colons as parameters."""
    cursor = connection.connection.cursor()
    cursor.execute(ddl)
    cursor.close()


def _sequences(registry: Registry, plugin: str | None = None, *, with_taken_over: bool = True) -> list[str]:
    """Return the names of the sequences; those of an entity that was made at run time outlive its plugin."""
    numbered = (info for info in registry.entities.values() if info.number is not None)
    mine = (info for info in numbered if plugin in (None, info.plugin))
    return sorted(sequence_name(info.id) for info in mine if with_taken_over or info.declared_by is None)
