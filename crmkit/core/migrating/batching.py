"""Running a data step: batch after batch, each in a transaction that holds the writer for a moment."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.encryption.kept import open_keys
from crmkit.core.errors import TryAgainError
from crmkit.core.migrating.altering import writing_alone
from crmkit.core.migrating.data_steps import Batch, DataStep
from crmkit.core.migrating.errors import RevisionError
from crmkit.core.migrating.progress import Progress, keep_progress, read_progress
from crmkit.core.migrating.revisions import CORE, Revision
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["run_data_step"]

# Half of what architecture §12 lets a batch hold the writer, as the next one may be slower.
_SECONDS = 0.1
_FIRST, _MOST = 200, 20_000
_TRIES = 10
# SQLite's waiting writers look again after at most 0.1 s: without a pause they would hardly find it free.
_PAUSE = 0.02


def run_data_step(crm: CRM, revision: Revision, place: int, step: DataStep) -> None:
    """Call *step*, the one at *place* of *revision*, for every row that it has not had yet."""
    # Before any batch: what makes a key has to be committed before values have it.
    if revision.plugin != CORE and _has_rows(crm, step):
        open_keys(crm.model)
    size = _FIRST
    while True:
        begun = time.perf_counter()
        if not _try_batch(crm, revision, place, step, size):
            return
        took = time.perf_counter() - begun
        size = max(1, min(_MOST, size * 2, int(size * _SECONDS / took)))
        if crm.storage.is_sqlite:
            time.sleep(_PAUSE)


def _has_rows(crm: CRM, step: DataStep) -> bool:
    with crm.storage.reading() as connection:
        return connection.scalar(sa.select(sa.literal(1)).select_from(sa.table(step.table)).limit(1)) is not None


def _try_batch(crm: CRM, revision: Revision, place: int, step: DataStep, size: int) -> bool:
    for left in reversed(range(_TRIES)):
        try:
            return _run_batch(crm, revision, place, step, size)
        except TryAgainError:
            # Somebody at work on the same rows was first; nothing of the batch was written.
            if not left:
                raise
    return False


def _run_batch(crm: CRM, revision: Revision, place: int, step: DataStep, size: int) -> bool:
    """Do the next batch and return whether there may be another."""
    with writing_alone(crm) as connection:
        progress = read_progress(connection, revision)
        if progress is None or progress.place != place:
            # Another process that applies was faster.
            return False
        table, key = _reflected(connection, revision, step)
        beyond = sa.true() if progress.after is None else key > progress.after
        ids = connection.scalars(sa.select(key).where(beyond).order_by(key).limit(size)).all()
        if ids:
            step.run(Batch(connection, table, ids, sa.and_(beyond, key <= ids[-1]), crm))
            now = Progress(place, progress.rows + len(ids), ids[-1])
        else:
            now = Progress(place + 1)
        keep_progress(connection, revision, now, crm.clock.now())
    return bool(ids)


def _reflected(connection: Connection, revision: Revision, step: DataStep) -> tuple[sa.Table, sa.Column[Any]]:
    table = sa.Table(step.table, sa.MetaData(), autoload_with=connection, resolve_fks=False)
    key = list(table.primary_key.columns)
    if len(key) != 1:
        raise RevisionError(revision.id, _("the primary key of {table} is not one column"), table=step.table)
    return table, key[0]
