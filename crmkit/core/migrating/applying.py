"""Changing the tables: one transaction for each step, so that a step that is cut short leaves nothing behind.

A step with data steps is more than one: its ``upgrade``, every batch, and its ``finish``. Each keeps how far it came.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from types import ModuleType
from typing import TYPE_CHECKING

import attrs
from sqlalchemy.engine import Connection

from crmkit.core.migrating.altering import altering, failing_as, writing_alone
from crmkit.core.migrating.applied import APPLIED, Parked, State, note_applied, read_state
from crmkit.core.migrating.batching import run_data_step
from crmkit.core.migrating.data_steps import data_steps
from crmkit.core.migrating.indexing import index_custom_fields
from crmkit.core.migrating.integrity import references_kept
from crmkit.core.migrating.operating import operating
from crmkit.core.migrating.parking import restore, settle_returned
from crmkit.core.migrating.planning import waiting
from crmkit.core.migrating.progress import Progress, forget_progress, keep_progress, read_progress
from crmkit.core.migrating.revisions import CORE, Revision, all_revisions, branches, load_revision, revisions_of
from crmkit.core.privacy.replaying import is_due, replay_due
from crmkit.core.privacy.returning import erase_returned
from crmkit.core.searching.rebuilding import have_search_made
from crmkit.core.shipped.settling import settle_shipped
from crmkit.core.storage.database_objects import create_objects

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["Report", "apply", "build"]


@attrs.frozen
class Report:
    """What was done, in order: tables that were restored, revisions, and triggers, sequences and functions.

    *erased* are the records that a backup of an older version had brought back, or a plugin that was away meanwhile.
    """

    revisions: tuple[str, ...]
    objects: tuple[str, ...] = ()
    restored: tuple[str, ...] = ()
    erased: int = 0


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
        LegalHoldError: a plugin that was parked has something of somebody who was erased, and it is under a legal hold.
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
    index_custom_fields(crm, altered=bool(done))
    erased = _erase_again(crm, arriving)
    _settle(crm)
    return Report(tuple(done), objects, restored, erased)


def _erase_again(crm: CRM, arriving: str | None) -> int:
    """Erase what a backup of an older version has brought back, or a plugin: all tables are there only now."""
    if CORE not in branches(crm):
        return 0
    with crm.storage.reading() as connection:
        if not is_due(crm, connection) and read_state(connection).parked.keys().isdisjoint(branches(crm)):
            return 0
    with writing_alone(crm) as connection:
        erased, away = replay_due(crm, connection), read_state(connection).parked
        for plugin in branches(crm):
            if plugin in away:
                erased += _erase_returned(crm, connection, away[plugin])
                settle_returned(crm, connection, plugin, arriving=plugin == arriving)
        return erased


def _erase_returned(crm: CRM, connection: Connection, back: Parked) -> int:
    with crm.system_on(connection, "erasures are replayed") as writer:
        registry = writer.model.registry
        returned = [info for info in registry.tables() if info.plugin == back.plugin]
        return erase_returned(writer, returned, back.since, "core.legal_hold")


def _settle(crm: CRM) -> None:
    """Let records be found by the fields that are searched, and be as plugins ship them, now that the tables fit."""
    if CORE in branches(crm):
        with crm.storage.writing() as connection, crm.system_on(connection, "what plugins ship") as db:
            # First: what is shipped is found from its creation on.
            have_search_made(db)
            settle_shipped(db)


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
                    restored += parked.away
    return tuple(restored)


def _make_objects(crm: CRM) -> list[str]:
    if not revisions_of(crm, CORE):
        # Only while the first revision of the core is made.
        return []
    with failing_as("database objects"), altering(crm) as connection:
        return create_objects(connection, crm.registry, crm.schema)


def _run_forwards(crm: CRM, revision: Revision) -> bool:
    """Run *revision* and return ``True``, or ``False`` if another process just did."""
    module = load_revision(revision)
    steps = data_steps(module)
    with failing_as(revision.id):
        if not _begin(crm, revision, module, whole=not steps):
            return False
        for place, step in enumerate(steps):
            run_data_step(crm, revision, place, step)
        return not steps or _finish(crm, revision, module)


def _begin(crm: CRM, revision: Revision, module: ModuleType, *, whole: bool) -> bool:
    """Run ``upgrade``, unless it ran before, and return ``False`` if the revision is applied already."""
    with altering(crm) as connection:
        APPLIED.create(connection, checkfirst=True)
        if revision.id in read_state(connection).applied:
            return False
        if read_progress(connection, revision) is not None:
            return True
        with operating(crm, connection, revision), references_kept(connection):
            module.upgrade()
        if whole:
            note_applied(connection, revision, crm.clock.now())
        else:
            keep_progress(connection, revision, Progress(0), crm.clock.now())
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
            module = load_revision(revision)
            with failing_as(revision.id), operating(crm, connection, revision):
                module.upgrade()
                if hasattr(module, "finish"):
                    module.finish()


def _finish(crm: CRM, revision: Revision, module: ModuleType) -> bool:
    """Run ``finish``, if there is one, and return ``False`` if another process did."""
    with altering(crm) as connection:
        if revision.id in read_state(connection).applied:
            return False
        if hasattr(module, "finish"):
            with operating(crm, connection, revision), references_kept(connection):
                module.finish()
        forget_progress(connection, revision)
        note_applied(connection, revision, crm.clock.now())
    return True
