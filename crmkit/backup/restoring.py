"""Restoring a backup: all of it and as it was, or nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.backup.filling import check_fits, fill
from crmkit.backup.frames import read_frames
from crmkit.backup.reading import Contents
from crmkit.backup.sealing import Key, read_sealed
from crmkit.backup.targets import target
from crmkit.core.migrating.revisions import all_revisions
from crmkit.core.privacy.replaying import keep_due, replay_due
from crmkit.core.privacy.tombstones import Tombstone
from crmkit.core.progress import Show
from crmkit.core.verifying.ledger import LedgerBrokenError, examine_ledger

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["Restored", "restore_backup"]


@attrs.frozen
class Restored:
    """What was restored.

    *erased* are the records that were erased since the backup was made, and are again. *broken* is the first thing that
    is wrong with the ledger, and was when it was backed up.
    """

    created_at: str
    crmkit: str
    dialect: str
    tables: int
    rows: int
    anchor: str
    pending: tuple[str, ...]
    erased: int
    broken: LedgerBrokenError | None


def restore_backup(
    crm: CRM,
    file: Path,
    key: Key,
    *,
    replace: bool = False,
    without: Collection[str] = (),
    erasures: Sequence[Tombstone] = (),
    show: Show | None = None,
) -> Restored:
    """Put what *file* holds into the database of *crm*, which is empty unless *replace* says that it may go.

    The backup may come from the other kind of database, and from an older version of crmkit or of a plugin: the tables
    are then as they were, and *pending* names the revisions that ``crmkit db apply`` still has to run. Whatever goes
    wrong, and wherever the process is killed, the database is as it was before. *without* names plugins that the
    database knows and *crm* may do without.

    What was erased since the backup is erased again: all that the replaced database remembers, and *erasures*.

    Raises:
        NotABackupError, BackupVersionError, BackupKeyError, BackupDamagedError: the backup cannot be read.
        RevisionsMissingError: it holds what a plugin made that is not here.
        RestoreRefusedError: it cannot be restored here.
    """
    with file.open("rb") as opened:
        contents = Contents(read_frames(read_sealed(opened, str(file), key)))
        check_fits(crm, contents, without)
        manifest = contents.manifest
        pending = tuple(r.id for r in all_revisions(crm) if r.id not in manifest.revisions)
        with target(crm, replace=replace) as (connection, replaced, remembered):
            fill(crm, connection, contents, show)
            due = keep_due(crm, connection, dict.fromkeys([*remembered, *erasures]))
            # An older version lacks tables: it is brought up to date first, and nobody can open it before.
            erased = due if pending else replay_due(crm, connection)
            broken = next(examine_ledger(connection, crm.schema), None)
            if replaced:
                _raise_epochs(connection, replaced)
    return Restored(
        created_at=manifest.created_at,
        crmkit=manifest.crmkit,
        dialect=manifest.dialect,
        tables=len(manifest.tables),
        rows=sum(table.rows for table in manifest.tables),
        anchor=manifest.anchor,
        pending=pending,
        erased=erased,
        broken=broken,
    )


def _raise_epochs(connection: Connection, replaced: int) -> None:
    """Let those ask again who go on with what they knew of the database that was here."""
    table = sa.Table("core_epoch", sa.MetaData(), autoload_with=connection)
    epochs = [column for column in table.columns if not column.primary_key]
    raised = {column.name: sa.case((column > replaced, column), else_=replaced) + 1 for column in epochs}
    connection.execute(sa.update(table).values(raised))
