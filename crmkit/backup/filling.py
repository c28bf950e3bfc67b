"""Putting what a backup holds into an empty database, inside one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.backup.contents import COUNTERS, RowReader, read_counters, tables_of
from crmkit.backup.errors import RestoreRefusedError
from crmkit.backup.frames import Column, Manifest, Table, Tally
from crmkit.backup.reading import Contents
from crmkit.backup.values import TYPES, decoder
from crmkit.core.migrating.applied import Applied, Parked, State, missing
from crmkit.core.migrating.applying import build
from crmkit.core.migrating.revisions import all_revisions
from crmkit.core.progress import Meter, Show
from crmkit.core.storage.database_objects import create_objects
from crmkit.core.storage.prepared import Insert
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["check_fits", "fill", "steps_of"]


def check_fits(crm: CRM, contents: Contents, without: Collection[str] = ()) -> None:
    """Return if the CRM can be that of the backup.

    Raises:
        RevisionsMissingError: the backup holds what a plugin made that is not here, or a newer version of one.
        RestoreRefusedError: its amounts of money are in another currency, or it needs the kind of database it is from.
    """
    manifest, here = contents.manifest, crm.config.company.currency
    if manifest.currency != here:
        message = _("its totals are in {found}, those of this company in {here}; set currency in [company].")
        raise RestoreRefusedError(message, found=manifest.currency, here=here)
    now = crm.clock.now()
    applied = {revision: Applied(revision, plugin, now) for revision, plugin in manifest.revisions.items()}
    parked = {plugin: Parked(plugin, now, None, {}) for plugin in manifest.parked}
    for problem in missing(crm, State(applied, parked), without):
        raise problem
    if manifest.dialect != crm.storage.dialect.name:
        _check_neutral(manifest.tables, manifest.dialect)


def _check_neutral(tables: Sequence[Table], dialect: str) -> None:
    for table in tables:
        raw = [column.name for column in table.columns if column.kind == "raw"]
        if raw and table.rows:
            message = _(
                "no plugin declares {table}.{column}, so that it can only go back to {dialect}. "
                "Enable its plugin where the backup is made, or remove it there."
            )
            raise RestoreRefusedError(message, table=table.name, column=raw[0], dialect=dialect)


def fill(crm: CRM, connection: Connection, contents: Contents, show: Show | None) -> None:
    """Make the tables and put in the rows, and compare what then stands in the database with what was backed up.

    Raises:
        RestoreRefusedError: nothing tells how a table is made, rows refer to none, or a row is not what it was.
        BackupDamagedError: the backup is not what was written.
        MigrationFailedError: a revision failed.
    """
    manifest = contents.manifest
    # Tables that are parked have other names than revisions give them.
    build(crm, connection, {name for name, plugin in manifest.revisions.items() if plugin not in manifest.parked})
    _make_tables(connection, manifest)
    with _without_references(connection):
        for table in reversed(tables_of(connection)):
            # What revisions have put in is in the backup as it was at the end.
            connection.execute(sa.delete(table))
        _insert_all(connection, contents, show)
    _make_indexes(connection, manifest.tables)
    _set_counters(crm, connection, contents.end.counters)
    if all(revision.id in manifest.revisions for revision in all_revisions(crm)):
        create_objects(connection, crm.registry, crm.schema)
    _compare(crm, connection, contents, show)


def _make_tables(connection: Connection, manifest: Manifest) -> None:
    """Make what no revision here has made: tables, and columns that somebody added by hand."""
    made = {table.name for table in tables_of(connection)}
    for table in manifest.tables:
        if table.name not in made:
            _run(connection, table, table.name)
    there = {table.name: set(table.columns.keys()) for table in tables_of(connection)}
    for table in manifest.tables:
        for column in table.columns:
            if column.name not in there[table.name]:
                _add_column(connection, table.name, column, is_same_kind=manifest.dialect == connection.dialect.name)


def _add_column(connection: Connection, table: str, column: Column, *, is_same_kind: bool) -> None:
    quote = connection.dialect.identifier_preparer.quote
    type_ = column.type if is_same_kind else TYPES[column.kind].compile(connection.dialect)
    connection.exec_driver_sql(f"ALTER TABLE {quote(table)} ADD COLUMN {quote(column.name)} {type_}")


def _make_indexes(connection: Connection, tables: Sequence[Table]) -> None:
    inspector = sa.inspect(connection)
    for table in tables:
        there = _index_names(inspector, table.name)
        for name in table.ddl.get(connection.dialect.name, {}):
            if name not in there and name != table.name:
                _run(connection, table, name)


def _index_names(inspector: sa.Inspector, table: str) -> set[str | None]:
    names: set[str | None] = {index["name"] for index in inspector.get_indexes(table)}
    return names | {inspector.get_pk_constraint(table)["name"]}


def _run(connection: Connection, table: Table, name: str) -> None:
    ddl = table.ddl.get(connection.dialect.name, {}).get(name)
    if ddl is None:
        message = _("no plugin here makes {table}, and the backup tells only how another kind of database does.")
        raise RestoreRefusedError(message, table=table.name)
    connection.exec_driver_sql(ddl)


@contextmanager
def _without_references(connection: Connection) -> Iterator[None]:
    """Let rows come in any order, and check at the end that each refers to one that is there."""
    if connection.dialect.name == "sqlite":
        # They are not enforced while tables are altered.
        yield
        if lost := connection.exec_driver_sql("PRAGMA foreign_key_check").first():
            _refuse_reference(lost[0], lost[2])
        return
    asked = "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint "
    asked += "WHERE contype = 'f' AND connamespace = current_schema()::regnamespace"
    keys = connection.exec_driver_sql(asked).all()
    for table, name, _definition in keys:
        connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    yield
    for table, name, definition in keys:
        try:
            connection.exec_driver_sql(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
        except sa.exc.IntegrityError:
            _refuse_reference(table, definition)


def _refuse_reference(table: str, target: str) -> None:
    message = _("rows of {table} refer to rows that are not in the backup: {target}. crmkit verify names them.")
    raise RestoreRefusedError(message, table=table, target=target)


def _insert_all(connection: Connection, contents: Contents, show: Show | None) -> None:
    total = sum(table.rows for table in contents.manifest.tables)
    meter = Meter(show, translate(_("restore")), number=1, steps=steps_of(contents.manifest), total=total)
    inserts = {table.name: _Inserter(table, connection.dialect) for table in contents.manifest.tables}
    for batch in contents.rows():
        inserts[batch.table].insert(connection, batch.rows)
        meter.advance(len(batch.rows))
    meter.finish()


def steps_of(manifest: Manifest) -> int:
    """Return how many steps are shown: rows go in and are compared, words are found by again, and then come files."""
    return 3 if manifest.files is None else 4


class _Inserter:
    """Puts rows of a backup into one table."""

    def __init__(self, table: Table, dialect: sa.Dialect) -> None:
        columns = [sa.Column(column.name, TYPES[column.kind]) for column in table.columns]
        self._insert = Insert(sa.Table(table.name, sa.MetaData(), *columns), dialect)
        places = {column.name: place for place, column in enumerate(table.columns)}
        self._order = [places[name] for name in self._insert.names]
        decoders = [(place, decoder(column.kind, dialect.name)) for place, column in enumerate(table.columns)]
        self._changed = [(place, decode) for place, decode in decoders if decode is not None]
        self._unpack = msgspec.msgpack.Decoder(list[Any]).decode

    def insert(self, connection: Connection, rows: Sequence[msgspec.Raw]) -> None:
        self._insert.run_rows(connection, [self._decoded(row) for row in rows])

    def _decoded(self, row: msgspec.Raw) -> tuple[Any, ...]:
        values = self._unpack(row)
        for place, decode in self._changed:
            if values[place] is not None:
                values[place] = decode(values[place])
        return tuple([values[place] for place in self._order])


def _set_counters(crm: CRM, connection: Connection, counters: dict[str, int]) -> None:
    if connection.dialect.name == "sqlite":
        rows = [{"name": name, "value": value} for name, value in counters.items()]
        if rows:
            connection.execute(sa.insert(crm.schema.system.sequence), rows)
        return
    quote = connection.dialect.identifier_preparer.quote
    for name, value in counters.items():
        connection.exec_driver_sql(f"CREATE SEQUENCE IF NOT EXISTS {quote(name)}")
        connection.execute(sa.select(sa.func.setval(quote(name), value)))
    for table in tables_of(connection):
        _set_serial(connection, table)


def _set_serial(connection: Connection, table: sa.Table) -> None:
    """Let a key that counts by itself go on behind the rows that came with theirs."""
    for column in table.primary_key:
        if isinstance(column.type, sa.Integer):
            serial = sa.func.pg_get_serial_sequence(sa.func.quote_ident(table.name), column.name)
            newest = sa.select(sa.func.max(column)).scalar_subquery()
            behind = sa.func.setval(serial, newest)
            connection.execute(sa.select(behind).where(serial.is_not(None), newest.is_not(None)))


def _compare(crm: CRM, connection: Connection, contents: Contents, show: Show | None) -> None:
    """Read every row again.

    Raises:
        RestoreRefusedError: something is not what was backed up.
    """
    manifest = contents.manifest
    total = sum(table.rows for table in manifest.tables)
    meter = Meter(show, translate(_("compare")), number=2, steps=steps_of(manifest), total=total)
    for table in manifest.tables:
        tally = Tally()
        for batch in RowReader(table).batches(connection):
            tally.add(batch)
            meter.advance(len(batch))
        if tally.count != contents.end.tables[table.name]:
            raise RestoreRefusedError(_("{table} is not what was backed up."), table=table.name)
    meter.finish()
    if not contents.end.counters.items() <= read_counters(crm.model, connection).items():
        raise RestoreRefusedError(_("{table} is not what was backed up."), table=COUNTERS)
