"""Parking the tables of a plugin that leaves: renamed and never dropped, so that they are there when it comes back."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.ledger import purge_entries
from crmkit.core.migrating.altering import altering
from crmkit.core.migrating.applied import APPLIED, PARKED, Parked, State, read_state
from crmkit.core.migrating.carrying import note_changes
from crmkit.core.migrating.counting import CountedTable, count_rows
from crmkit.core.migrating.errors import StillReferredError, UnknownPluginError
from crmkit.core.migrating.owning import note_purged, owned_entities
from crmkit.core.migrating.revisions import branches
from crmkit.core.privacy.holding import LegalHoldError, held_of
from crmkit.core.storage.engines import Storage
from crmkit.core.storage.numbers import drop_counter, sequence_name
from crmkit.core.text import Text, gettext as _

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = [
    "ParkedPlugin",
    "note_absence",
    "note_presence",
    "park",
    "parked_plugins",
    "parking_preview",
    "purge",
    "restore",
    "settle_returned",
]

_PREFIX = "core_parked_"
_LONGEST = 63


@attrs.frozen
class ParkedPlugin:
    """A plugin that was removed, and its tables."""

    name: str
    since: datetime
    version: str | None
    tables: tuple[CountedTable, ...]

    @property
    def rows(self) -> int:
        """The rows of all its tables."""
        return sum(table.rows for table in self.tables)


def parking_preview(crm: CRM, plugin: str) -> tuple[CountedTable, ...]:
    """Return the tables that :func:`park` would put away, with their rows.

    Raises:
        StillReferredError: a table of somebody else refers to one of them.
        LegalHoldError: one of its records is under a legal hold.
        UnknownPluginError: the database holds nothing of *plugin*.
    """
    with crm.storage.reading() as connection:
        tables = _leaving(crm, connection, plugin)
        return tuple(CountedTable(name, count_rows(connection, name)) for name in tables)


def parked_plugins(storage: Storage) -> tuple[ParkedPlugin, ...]:
    """Return the plugins whose tables are parked, by name."""
    with storage.reading() as connection:
        found = read_state(connection).parked.items()
        return tuple(_counted(connection, parked) for _name, parked in sorted(found) if parked.away)


def _counted(connection: Connection, parked: Parked) -> ParkedPlugin:
    tables = (CountedTable(name, count_rows(connection, kept)) for name, kept in sorted(parked.away.items()))
    return ParkedPlugin(parked.plugin, parked.since, parked.version, tuple(tables))


def note_absence(crm: CRM, plugin: str, version: str | None = None) -> None:
    """Note that the CRM may do without *plugin* from now on; its tables stay as they are.

    Said before the plugin is disabled and before it is added, so that a CRM that is cut short in between can be used.
    """
    with altering(crm) as connection:
        if plugin not in _noted(connection):
            _insert(crm, connection, Parked(plugin, crm.clock.now(), version, {}))


def note_presence(crm: CRM, plugin: str) -> None:
    """Note that *plugin* is here to stay: without it, the CRM is incomplete."""
    with altering(crm) as connection:
        connection.execute(sa.delete(PARKED).where(PARKED.c.plugin == plugin))


def park(crm: CRM, plugin: str, version: str | None = None) -> tuple[str, ...]:
    """Rename the tables of *plugin*, in one transaction, and return their names; their rows are not touched.

    *crm* may do without the plugin already. What other plugins' tables say of its records stays, and so do the
    ledger, visits to stages and external ids: as nobody declares the entity, nobody sees them meanwhile.

    Raises:
        StillReferredError: a table of somebody else refers to one of them.
        LegalHoldError: one of its records is under a legal hold.
        UnknownPluginError: the database holds nothing of *plugin*.
    """
    with altering(crm) as connection:
        tables = _leaving(crm, connection, plugin)
        before = _noted(connection).get(plugin, Parked(plugin, crm.clock.now(), version, {}))
        names = {name: _parked_name(name) for name in tables}
        for name, stored in names.items():
            _rename(connection, name, stored)
        connection.execute(sa.delete(PARKED).where(PARKED.c.plugin == plugin))
        _insert(crm, connection, attrs.evolve(before, tables={**before.away, **names}))
    return tuple(tables)


def restore(crm: CRM, connection: Connection, parked: Parked) -> None:
    """Give the tables of *parked* the names that they have in use; doors stay shut until :func:`settle_returned`."""
    for name, stored in parked.away.items():
        _rename(connection, stored, name)
    values = {"tables": {name: name for name in parked.tables}}
    connection.execute(sa.update(PARKED).where(PARKED.c.plugin == parked.plugin).values(values))


def settle_returned(crm: CRM, connection: Connection, plugin: str, *, arriving: bool) -> None:
    """Note that the tables of *plugin* may be used; the CRM may go on without one that is *arriving*."""
    mine = PARKED.c.plugin == plugin
    if arriving:
        connection.execute(sa.update(PARKED).where(mine).values(tables={}, since=crm.clock.now()))
    else:
        connection.execute(sa.delete(PARKED).where(mine))


def purge(crm: CRM, plugin: str) -> tuple[str, ...]:
    """Drop the parked tables of *plugin* and forget its revisions: **its data is gone**. Return the tables' names.

    External ids, visits to stages, the keys by which duplicates are found, merges and counters go with the records; the
    ledger stays, and tells that they were purged.

    Raises:
        UnknownPluginError: nothing of *plugin* is parked.
        StillReferredError: a table of another parked plugin refers to one of them.
    """
    with altering(crm) as connection:
        state = read_state(connection)
        parked = state.parked.get(plugin)
        if parked is None or plugin in branches(crm) or _owned(crm, connection, state, plugin):
            known = sorted(name for name, one in state.parked.items() if one.tables)
            raise UnknownPluginError(plugin, _("purged"), known)
        mend = _("Purge that plugin first: crmkit plugin list shows what is parked.")
        _check_unreferred(connection, plugin, set(parked.tables.values()), mend)
        _drop(connection, list(parked.tables.values()))
        _forget(crm, connection, plugin)
        note_changes(crm, connection, purge_entries(parked.tables, f"purge: {plugin}"))
    return tuple(parked.tables)


def _leaving(crm: CRM, connection: Connection, plugin: str) -> list[str]:
    """Return the tables of *plugin* that are to be parked, after checking that nobody's stand on them."""
    state = read_state(connection)
    if plugin not in state.plugins:
        raise UnknownPluginError(plugin, _("parked"), sorted(state.plugins - {"core"}))
    tables = _owned(crm, connection, state, plugin)
    mend = _(
        "Let it go first: a plugin with crmkit plugin remove, an entity made at run time with crmkit entity remove "
        "and crmkit entity purge."
    )
    # What is parked already is restored after what it requires, so it may refer to tables that are parked too.
    _check_unreferred(connection, plugin, set(tables), mend, but_for=(_PREFIX,))
    # A hold on what is away could be seen, and ended, by nobody.
    for entity, id_ in held_of(connection, crm.schema, f"{plugin}.", *owned_entities(connection, [plugin])):
        raise LegalHoldError(entity, id_)
    return tables


def _owned(crm: CRM, connection: Connection, state: State, plugin: str) -> list[str]:
    """Return the tables of *plugin* that are in use, found by names and notes: its code may be gone."""
    others = {"core", *state.plugins, *branches(crm)} - {plugin}
    longer = tuple(f"{other}_" for other in others if other.startswith(f"{plugin}_"))
    strangers = {table.name for table in crm.schema.metadata.tables.values() if table.info["owner"] != plugin}
    found, taken_over = sa.inspect(connection).get_table_names(), _taken_over(connection, plugin)
    return sorted(
        name
        for name in found
        if name in taken_over
        or (name.startswith(f"{plugin}_") and not name.startswith(longer) and name not in strangers)
    )


def _taken_over(connection: Connection, plugin: str) -> set[str]:
    """Return the tables of the entities that *plugin* owns although their ids do not carry its name."""
    return {entity.replace(".", "_") for entity in owned_entities(connection, [plugin])}


def _check_unreferred(
    connection: Connection, plugin: str, tables: Collection[str], mend: Text, but_for: tuple[str, ...] = ()
) -> None:
    inspector = sa.inspect(connection)
    for (_schema, name), keys in inspector.get_multi_foreign_keys().items():
        for key in keys:
            if key["referred_table"] in tables and name not in tables and not name.startswith(but_for):
                raise StillReferredError(plugin, name.removeprefix(_PREFIX), key["referred_table"], mend)


def _parked_name(table: str) -> str:
    name = f"{_PREFIX}{table}"
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _noted(connection: Connection) -> dict[str, Parked]:
    columns = (PARKED.c.plugin, PARKED.c.since, PARKED.c.version, PARKED.c.tables)
    return {row.plugin: Parked(*row) for row in connection.execute(sa.select(*columns))}


def _insert(crm: CRM, connection: Connection, parked: Parked) -> None:
    connection.execute(sa.insert(PARKED).values(attrs.asdict(parked)))


def _rename(connection: Connection, old: str, new: str) -> None:
    quoted = connection.dialect.identifier_preparer.quote
    connection.exec_driver_sql(f"ALTER TABLE {quoted(old)} RENAME TO {quoted(new)}")


def _drop(connection: Connection, tables: Sequence[str]) -> None:
    metadata = sa.MetaData()
    with warnings.catch_warnings():
        # Indexes of custom fields are on expressions; they go with their tables.
        warnings.filterwarnings("ignore", message="Skipped unsupported reflection of expression-based index")
        metadata.reflect(connection, only=tables)
    for table in reversed(metadata.sorted_tables):
        if table.name in tables:
            table.drop(connection)


def _forget(crm: CRM, connection: Connection, plugin: str) -> None:
    """Delete what the core keeps about the records of *plugin* and about its revisions."""
    system, taken_over = crm.schema.system, owned_entities(connection, [plugin])
    for table in (system.external_id, system.stage_visit, system.match_key, system.search_document, system.merge):
        mine = sa.or_(table.c.entity.startswith(f"{plugin}.", autoescape=True), table.c.entity.in_(taken_over))
        connection.execute(sa.delete(table).where(mine))
    for name in list(_counters(crm, connection, plugin)):
        drop_counter(connection, system.sequence, name)
    note_purged(crm, connection, plugin)
    connection.execute(sa.delete(APPLIED).where(APPLIED.c.plugin == plugin))
    connection.execute(sa.delete(PARKED).where(PARKED.c.plugin == plugin))


def _counters(crm: CRM, connection: Connection, plugin: str) -> Iterator[str]:
    kept = crm.schema.system.sequence
    names = (
        connection.scalars(sa.select(kept.c.name)).all()
        if crm.storage.is_sqlite
        else sa.inspect(connection).get_sequence_names()
    )
    others = {"core", *branches(crm)} - {plugin}
    longer = tuple(f"seq_{other}_" for other in others if other.startswith(f"{plugin}_"))
    taken_over = {sequence_name(entity) for entity in owned_entities(connection, [plugin])}
    yield from (
        name
        for name in names
        if name in taken_over or (name.startswith(f"seq_{plugin}_") and not name.startswith(longer))
    )
