"""Restoring a backup: all of it and as it was, or nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.backup.file_pieces import FileReader
from crmkit.backup.filling import check_fits, fill, steps_of
from crmkit.backup.frames import FileCount, read_frames
from crmkit.backup.reading import Contents
from crmkit.backup.sealing import Key, read_sealed
from crmkit.backup.targets import target
from crmkit.core.content.named import named
from crmkit.core.migrating.revisions import all_revisions
from crmkit.core.privacy.replaying import keep_due, replay_due
from crmkit.core.privacy.tombstones import Tombstone
from crmkit.core.progress import Meter, Show
from crmkit.core.searching.rebuilding import forget_made, make_all
from crmkit.core.text import gettext as _, translate
from crmkit.core.verifying.ledger import LedgerBrokenError, examine_ledger

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["Restored", "restore_backup"]


@attrs.frozen
class Restored:
    """What was restored.

    *erased* are the records that were erased since the backup was made, and are again. *files* says what the backup
    has of files, ``None`` if nothing, and *kept* how many contents are now where the CRM keeps them. *broken* is the
    first thing that is wrong with the ledger, and was when it was backed up.
    """

    created_at: str
    crmkit: str
    dialect: str
    tables: int
    rows: int
    anchor: str
    pending: tuple[str, ...]
    erased: int
    files: FileCount | None
    kept: int
    broken: LedgerBrokenError | None


def restore_backup(
    crm: CRM,
    file: Path,
    key: Key,
    *,
    replace: bool = False,
    without: Collection[str] = (),
    erasures: Sequence[Tombstone] = (),
    with_files: bool = True,
    show: Show | None = None,
) -> Restored:
    """Put what *file* holds into the database of *crm*, which is empty unless *replace* says that it may go.

    The backup may come from the other kind of database, and from an older version of crmkit or of a plugin: the tables
    are then as they were, and *pending* names the revisions that ``crmkit db apply`` still has to run. Whatever goes
    wrong, and wherever the process is killed, the database is as it was before. *without* names plugins that the
    database knows and *crm* may do without.

    What was erased since the backup is erased again: all that the replaced database remembers, and *erasures*.

    The content of files goes where *crm* keeps it, as far as a record then names it, unless *with_files* says no;
    whatever is in the backup is checked. Cut short, content may be there that nothing names: a sweep deletes it.

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
            forget_made(connection, crm.schema)
            # Where tables are still to be brought up to date or back, crmkit db apply has it made.
            if not pending and not {plugin.name for plugin in crm.plugins}.intersection(manifest.parked):
                _make_search(crm, connection, steps_of(manifest), show)
            broken = next(examine_ledger(connection, crm.schema), None)
            files = contents.files()
            # Before the commit: a record whose content is not there must never be seen.
            kept = 0 if files is None else _restore_files(crm, connection, files, with_files, show)
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
        files=None if files is None else files.count,
        kept=kept,
        broken=broken,
    )


def _make_search(crm: CRM, connection: Connection, steps: int, show: Show | None) -> None:
    """Make what words are found by, which backups leave out."""
    with crm.system_on(connection, "search is restored") as db:
        make_all(lambda: nullcontext(db), number=3, steps=steps, show=show)


def _raise_epochs(connection: Connection, replaced: int) -> None:
    """Let those ask again who go on with what they knew of the database that was here."""
    table = sa.Table("core_epoch", sa.MetaData(), autoload_with=connection)
    epochs = [column for column in table.columns if not column.primary_key]
    raised = {column.name: sa.case((column > replaced, column), else_=replaced) + 1 for column in epochs}
    connection.execute(sa.update(table).values(raised))


def _restore_files(crm: CRM, connection: Connection, files: FileReader, with_files: bool, show: Show | None) -> int:
    """Keep what a row names now: what was erased since is not to come back, not even for a moment."""
    meter, kept = Meter(show, translate(_("files")), number=4, steps=4, total=files.listed.count), 0
    for hash_, pieces in files:
        if with_files and named(connection, files.listed.columns, [hash_]):
            crm.contents.restore(hash_, pieces)
            kept += 1
        meter.advance(1)
    meter.finish()
    return kept
