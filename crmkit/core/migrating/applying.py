"""Changing the tables: one transaction for each step, so that a step that is cut short leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import Connection

from crmkit.core.migrating.altering import altering, failing_as
from crmkit.core.migrating.applied import APPLIED, State, forget_applied, note_applied, read_state
from crmkit.core.migrating.errors import RevisionError
from crmkit.core.migrating.integrity import references_kept
from crmkit.core.migrating.parking import note_presence, restore
from crmkit.core.migrating.planning import waiting
from crmkit.core.migrating.recording import OPERATIONS
from crmkit.core.migrating.revisions import CORE, Revision, all_revisions, branches, load_revision, revisions_of
from crmkit.core.storage.database_objects import create_objects, drop_objects
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["Report", "apply", "build", "revert"]


@attrs.frozen
class Report:
    """What was done, in order: tables that were restored, revisions, and triggers, sequences and functions."""

    revisions: tuple[str, ...]
    objects: tuple[str, ...] = ()
    restored: tuple[str, ...] = ()


def apply(
    crm: CRM,
    *,
    without: Collection[str] = (),
    arriving: str | None = None,
    watch: Callable[[str], None] | None = None,
) -> Report:
    """Bring the database of *crm* to the newest revision of every plugin, and return what was done.

    The tables of a plugin that was parked are restored first, with every row.

    Cut short at any point, it leaves whole steps behind, and the next call goes on from there. Two that run at once
    wait for each other and share the work. *without* names plugins that the database knows and *crm* may do without;
    *arriving* names one that is not enabled for others yet, so that they may go on without it for the time being.
    *watch* is called with each revision before it runs.

    Raises:
        RevisionsMissingError: the database was changed by revisions that are not here.
        RevisionError: a revision file is not what it must be.
        MigrationFailedError: a step failed; it changed nothing, those before it stand.
    """
    done: list[str] = []
    with crm.storage.reading() as connection:
        state = read_state(connection)
        todo = waiting(crm, state, without)
    restored = _restore(crm, state)
    for revision in todo:
        if watch is not None:
            watch(revision.id)
        if _run_forwards(crm, revision):
            done.append(revision.id)
    objects = tuple(_make_objects(crm))
    for plugin in branches(crm):
        if plugin in state.parked and plugin != arriving:
            note_presence(crm, plugin)
    return Report(tuple(done), objects, restored)


def _restore(crm: CRM, state: State) -> tuple[str, ...]:
    """Restore what is parked of the plugins of *crm*, each in one transaction, and return the tables' names."""
    restored: list[str] = []
    for plugin in branches(crm):
        if plugin in state.parked:
            with failing_as(plugin), altering(crm) as connection:
                # Another process may just have done it.
                parked = read_state(connection).parked.get(plugin)
                if parked is not None:
                    restore(crm, connection, parked)
                    restored += parked.tables
    return tuple(restored)


def _make_objects(crm: CRM) -> list[str]:
    if not revisions_of(crm, CORE):
        # Only while the first revision of the core is made.
        return []
    with failing_as("database objects"), altering(crm) as connection:
        return create_objects(connection, crm.registry, crm.schema)


def revert(crm: CRM, plugin: str) -> Report:
    """Take back every revision of *plugin* and of the plugins that require it, newest first: **their data is gone**.

    Reverting ``core`` empties the database.

    Raises:
        RevisionError: *crm* has no such plugin, or a revision file is not what it must be.
        MigrationFailedError: a step failed; it changed nothing, those before it stand.
    """
    leaving = _dependents(crm, plugin)
    with crm.storage.reading() as connection:
        have = read_state(connection).applied
    todo = [revision for revision in reversed(all_revisions(crm)) if revision.plugin in leaving and revision.id in have]
    for revision in todo:
        _run_backwards(crm, revision)
    return Report(tuple(revision.id for revision in todo))


def _dependents(crm: CRM, plugin: str) -> set[str]:
    """Return *plugin* and all that require it, directly or not; load order puts them after it."""
    if plugin not in branches(crm):
        raise RevisionError(plugin, _("no enabled plugin has this name"))
    if plugin == CORE:
        return set(branches(crm))
    leaving = {plugin}
    for loaded in crm.plugins:
        if leaving & set(loaded.manifest.requires):
            leaving.add(loaded.name)
    return leaving


def _run_forwards(crm: CRM, revision: Revision) -> bool:
    """Run *revision* and return ``True``, or ``False`` if another process just did."""
    module = load_revision(revision)
    with failing_as(revision.id), altering(crm) as connection:
        APPLIED.create(connection, checkfirst=True)
        if revision.id in read_state(connection).applied:
            return False
        with _operations(connection), references_kept(connection):
            module.upgrade()
        note_applied(connection, revision, crm.clock.now())
    return True


def build(crm: CRM, connection: Connection, revisions: Collection[str]) -> None:
    """Make in an empty database what those of *revisions* make that are here, inside the transaction of *connection*.

    They are not noted as applied, and neither triggers, sequences nor functions are made.

    Raises:
        RevisionError: a revision file is not what it must be.
        MigrationFailedError: a step failed.
    """
    APPLIED.create(connection, checkfirst=True)
    for revision in all_revisions(crm):
        if revision.id in revisions:
            with failing_as(revision.id), _operations(connection):
                load_revision(revision).upgrade()


def _run_backwards(crm: CRM, revision: Revision) -> None:
    module = load_revision(revision)
    with failing_as(revision.id), altering(crm) as connection:
        if revision.number == 1:
            drop_objects(connection, crm.registry, revision.plugin)
        with _operations(connection), references_kept(connection):
            module.downgrade()
        forget_applied(connection, revision)
        if revision.plugin == CORE and revision.number == 1:
            APPLIED.drop(connection)


@contextmanager
def _operations(connection: Connection) -> Iterator[None]:
    """Let ``alembic.op`` work on *connection*, inside the transaction that it is in."""
    with OPERATIONS, Operations.context(MigrationContext.configure(connection)):
        yield
