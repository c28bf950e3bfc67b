"""Changing the tables: one transaction for each step, so that a step that is cut short leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import Connection

from crmkit.core.errors import CrmkitError
from crmkit.core.migrating.applied import APPLIED, forget_applied, note_applied, read_applied
from crmkit.core.migrating.errors import MigrationFailedError, RevisionError
from crmkit.core.migrating.integrity import references_kept
from crmkit.core.migrating.planning import waiting
from crmkit.core.migrating.recording import OPERATIONS
from crmkit.core.migrating.revisions import CORE, Revision, all_revisions, branches, load_revision, revisions_of
from crmkit.core.storage.database_objects import create_objects, drop_objects
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["Report", "apply", "revert"]

# Any number, the same in every process: two that migrate one PostgreSQL database wait for each other.
_ADVISORY_LOCK = 7_203_411


@attrs.frozen
class Report:
    """Which revisions ran, in order, and which triggers, sequences and functions were made."""

    revisions: tuple[str, ...]
    objects: tuple[str, ...] = ()


def apply(crm: CRM, *, without: Collection[str] = (), watch: Callable[[str], None] | None = None) -> Report:
    """Bring the database of *crm* to the newest revision of every plugin, and return what was done.

    Cut short at any point, it leaves whole steps behind, and the next call goes on from there. Two that run at once
    wait for each other and share the work. *without* names plugins that the database knows and *crm* may do without;
    *watch* is called with each revision before it runs.

    Raises:
        RevisionsMissingError: the database was changed by revisions that are not here.
        RevisionError: a revision file is not what it must be.
        MigrationFailedError: a step failed; it changed nothing, those before it stand.
    """
    done: list[str] = []
    with crm.storage.reading() as connection:
        todo = waiting(crm, read_applied(connection), without)
    for revision in todo:
        if watch is not None:
            watch(revision.id)
        if _run_forwards(crm, revision):
            done.append(revision.id)
    return Report(tuple(done), tuple(_make_objects(crm)))


def _make_objects(crm: CRM) -> list[str]:
    if not revisions_of(crm, CORE):
        # Only while the first revision of the core is made.
        return []
    with _failing_as("database objects"), _altering(crm) as connection:
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
        have = read_applied(connection)
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
    with _failing_as(revision.id), _altering(crm) as connection:
        APPLIED.create(connection, checkfirst=True)
        if revision.id in read_applied(connection):
            return False
        with _operations(connection), references_kept(connection):
            module.upgrade()
        note_applied(connection, revision, crm.clock.now())
    return True


def _run_backwards(crm: CRM, revision: Revision) -> None:
    module = load_revision(revision)
    with _failing_as(revision.id), _altering(crm) as connection:
        if revision.number == 1:
            drop_objects(connection, crm.registry, revision.plugin)
        with _operations(connection), references_kept(connection):
            module.downgrade()
        forget_applied(connection, revision)
        if revision.plugin == CORE and revision.number == 1:
            APPLIED.drop(connection)


@contextmanager
def _altering(crm: CRM) -> Iterator[Connection]:
    with crm.storage.altering() as connection:
        if not crm.storage.is_sqlite:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        yield connection


@contextmanager
def _operations(connection: Connection) -> Iterator[None]:
    """Let ``alembic.op`` work on *connection*, inside the transaction that it is in."""
    with OPERATIONS, Operations.context(MigrationContext.configure(connection)):
        yield


@contextmanager
def _failing_as(step: str) -> Iterator[None]:
    try:
        yield
    except CrmkitError as error:
        raise MigrationFailedError(step, str(error)) from error
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}."
        raise MigrationFailedError(step, reason) from error
