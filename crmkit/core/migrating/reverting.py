"""Taking revisions back, newest first: seen before it is done, and refused before anything is touched."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.ledger import purge_entries
from crmkit.core.migrating.altering import altering, failing_as
from crmkit.core.migrating.applied import APPLIED, forget_applied, read_state
from crmkit.core.migrating.applying import Report
from crmkit.core.migrating.carrying import note_changes
from crmkit.core.migrating.errors import IrreversibleRevisionError, RevisionError, StillReferredError
from crmkit.core.migrating.indexing import index_custom_fields
from crmkit.core.migrating.integrity import references_kept
from crmkit.core.migrating.operating import operating
from crmkit.core.migrating.owning import owned_entities
from crmkit.core.migrating.planning import Step, touched_tables
from crmkit.core.migrating.progress import read_progress
from crmkit.core.migrating.recording import record_operations
from crmkit.core.migrating.revisions import (
    CORE,
    Revision,
    all_revisions,
    branches,
    depends_on,
    description,
    load_revision,
    revision_id,
)
from crmkit.core.storage.database_objects import drop_objects
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["plan_reverting", "revert"]


def plan_reverting(crm: CRM, plugin: str, *, to: int = 0) -> tuple[Step, ...]:
    """Return what :func:`revert` would do, in order; nothing is changed.

    Raises:
        RevisionError: *crm* has no such plugin, a revision file is not what it must be, or one was not finished.
        IrreversibleRevisionError: a revision cannot be taken back.
    """
    with crm.storage.reading() as connection:
        tables = frozenset(sa.inspect(connection).get_table_names())
        return tuple(_step(connection, revision, tables) for revision in _leaving(crm, connection, plugin, to))


def revert(crm: CRM, plugin: str, *, to: int = 0) -> Report:
    """Take back the revisions of *plugin* after number *to*, and all that stand on them, newest first.

    **What they made is gone, with its data.** With *to* 0 that is every revision of the plugin and of those that
    require it. Reverting ``core`` empties the database.

    Raises:
        RevisionError: *crm* has no such plugin, a revision file is not what it must be, or one was not finished.
        IrreversibleRevisionError: a revision cannot be taken back; none was.
        StillReferredError: a parked table refers to one that would go.
        MigrationFailedError: a step failed; it changed nothing, those before it stand.
    """
    steps = plan_reverting(crm, plugin, to=to)
    with crm.storage.reading() as connection:
        todo = _leaving(crm, connection, plugin, to)
        if to == 0:
            _check_unparked(connection, plugin, {revision.plugin for revision in todo})
    for revision in todo:
        _run_backwards(crm, revision)
    if plugin != CORE:
        index_custom_fields(crm, altered=bool(todo))
    return Report(tuple(step.revision for step in steps))


def _leaving(crm: CRM, connection: Connection, plugin: str, to: int) -> list[Revision]:
    """Return the applied revisions that go: newest first, so that none goes before what stands on it."""
    if plugin not in branches(crm):
        raise RevisionError(plugin, _("no enabled plugin has this name"))
    have = read_state(connection).applied
    with_it = _dependents(crm, plugin) if to == 0 else frozenset()
    leaving: dict[str, Revision] = {}
    for revision in all_revisions(crm):
        if read_progress(connection, revision) is not None:
            raise RevisionError(revision.id, _("was begun and is not finished; run crmkit db apply first"))
        if revision.id in have and (
            revision.plugin in with_it
            or (revision.plugin == plugin and revision.number > to)
            or revision_id(revision.plugin, revision.number - 1) in leaving
            or any(other in leaving for other in depends_on(load_revision(revision)))
        ):
            leaving[revision.id] = revision
    return list(reversed(leaving.values()))


def _dependents(crm: CRM, plugin: str) -> frozenset[str]:
    """Return *plugin* and all that require it, directly or not; load order puts them after it."""
    if plugin == CORE:
        return frozenset(branches(crm))
    leaving = {plugin}
    for loaded in crm.plugins:
        if leaving & set(loaded.manifest.requires):
            leaving.add(loaded.name)
    return frozenset(leaving)


def _step(connection: Connection, revision: Revision, tables: frozenset[str]) -> Step:
    module = load_revision(revision)
    if not hasattr(module, "downgrade"):
        raise IrreversibleRevisionError(revision.id, _("it has no downgrade."))
    try:
        operations = tuple(record_operations(module.downgrade, connection.dialect, connection))
    except NotImplementedError as error:
        raise IrreversibleRevisionError(revision.id, str(error) or _("it says so.")) from None
    touched = touched_tables(operations, connection, tables)
    return Step(revision.plugin, revision.id, description(module), operations, touched)


def _check_unparked(connection: Connection, plugin: str, leaving: set[str]) -> None:
    """Refuse to drop what parked tables refer to: they could never be restored."""
    prefixes = tuple(f"{name}_" for name in leaving)
    taken_over = {entity.replace(".", "_") for entity in owned_entities(connection, leaving)}
    parked = {kept for one in read_state(connection).parked.values() for kept in one.tables.values()}
    for (_schema, name), keys in sa.inspect(connection).get_multi_foreign_keys().items():
        for key in keys if name in parked else ():
            target = key["referred_table"]
            if (target.startswith(prefixes) or target in taken_over) and target not in parked:
                mend = _("Purge what is parked first: crmkit plugin list shows it.")
                raise StillReferredError(plugin, name, target, mend)


def _take_back(crm: CRM, connection: Connection, revision: Revision, module: ModuleType) -> None:
    """Run ``downgrade``, and have the ledger tell which tables of a plugin it dropped."""
    before = set(sa.inspect(connection).get_table_names())
    module.downgrade()
    after = set(sa.inspect(connection).get_table_names())
    # What only got another name was not dropped.
    if revision.plugin != CORE and after < before:
        note_changes(crm, connection, purge_entries(before - after, f"migration: {revision.id}"))


def _run_backwards(crm: CRM, revision: Revision) -> None:
    module = load_revision(revision)
    with failing_as(revision.id), altering(crm) as connection:
        if revision.number == 1:
            drop_objects(connection, crm.registry, revision.plugin)
        with operating(crm, connection, revision), references_kept(connection):
            _take_back(crm, connection, revision, module)
        forget_applied(connection, revision)
        if revision.plugin == CORE and revision.number == 1:
            APPLIED.drop(connection)
