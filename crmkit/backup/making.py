"""Making a backup: one snapshot of the whole database in one file, which is complete or not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import IO, TYPE_CHECKING

import attrs
import msgspec

from crmkit.backup.contents import RowReader, read_counters, survey
from crmkit.backup.errors import BackupTargetError
from crmkit.backup.file_pieces import HashList, write_files
from crmkit.backup.frames import Count, End, FileCount, Files, FrameWriter, Manifest, Rows, Tally
from crmkit.backup.sealing import Key, SealedWriter
from crmkit.core.content.named import all_named, hash_columns
from crmkit.core.migrating.applied import read_state
from crmkit.core.policy.principal import Principal
from crmkit.core.progress import Meter, Show
from crmkit.core.storage.alone import file_lock
from crmkit.core.text import gettext as _, translate
from crmkit.core.verifying.ledger import read_head

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from crmkit.core.crm import CRM
    from crmkit.core.model import Model

__all__ = ["Made", "make_backup"]


@attrs.frozen
class Made:
    """A backup that was made: its *file*, how large it is, what it holds, and where the ledger ended.

    *files* is ``None`` if it was made without them.
    """

    file: Path
    size: int
    tables: int
    rows: int
    anchor: str
    files: FileCount | None


def make_backup(crm: CRM, file: Path, key: Key, *, with_files: bool = True, show: Show | None = None) -> Made:
    """Write the database of *crm*, as it is when this begins, to *file*; others go on reading and writing.

    The content of files that the database names then follows, each once, unless *with_files* says no. Memory does not
    grow with any of this. On SQLite the write-ahead log does, until all rows are written.

    Raises:
        BackupTargetError: the file is there already.
        BackupContentError: the database holds what no backup can carry.
        LedgerBrokenError: the ledger has no head.
        MissingExtraError: the package that encrypts is not installed.
    """
    with _complete(file) as partial, HashList() as hashes:
        frames = FrameWriter(SealedWriter(partial, key))
        with crm.storage.snapshot() as connection:
            model = _model(crm)
            files = _list_files(model, connection, hashes) if with_files else None
            manifest = _manifest(crm, model, connection, files)
            frames.write(manifest)
            frames.write(_write_rows(crm, connection, manifest, frames, show))
        # Content takes long, is never changed, and nothing of the database has to wait for it.
        count = _write_files(crm, hashes, frames, show) if with_files else None
        frames.close()
    rows = sum(table.rows for table in manifest.tables)
    return Made(file, file.stat().st_size, len(manifest.tables), rows, manifest.anchor, count)


def _list_files(model: Model, connection: Connection, hashes: HashList) -> Files:
    columns = hash_columns(model, connection)
    hashes.extend(all_named(connection, columns))
    return Files(len(hashes), columns)


def _write_files(crm: CRM, hashes: HashList, frames: FrameWriter, show: Show | None) -> FileCount:
    meter = Meter(show, translate(_("files")), number=2, steps=2, total=len(hashes))
    count = write_files(crm.contents, hashes, frames, meter)
    meter.finish()
    return count


def _manifest(crm: CRM, model: Model, connection: Connection, files: Files | None) -> Manifest:
    state = read_state(connection)
    return Manifest(
        crmkit=version("crmkit"),
        created_at=crm.clock.now().isoformat(timespec="seconds"),
        dialect=connection.dialect.name,
        company=crm.config.company.name,
        currency=crm.config.company.currency,
        plugins={plugin.name: plugin.manifest.version for plugin in crm.plugins},
        revisions={each.revision: each.plugin for each in state.applied.values()},
        parked=sorted(state.parked),
        anchor=str(read_head(connection, crm.schema)),
        tables=survey(model, connection),
        files=files,
    )


def _model(crm: CRM) -> Model:
    """Return the model with what is defined at run time."""
    with crm.read(Principal(None, "system", "backup")) as reader:
        return reader.model


def _write_rows(crm: CRM, connection: Connection, manifest: Manifest, frames: FrameWriter, show: Show | None) -> End:
    total = sum(table.rows for table in manifest.tables)
    steps = 1 if manifest.files is None else 2
    meter, counts = Meter(show, translate(_("backup")), steps=steps, total=total), dict[str, Count]()
    for table in manifest.tables:
        tally = Tally()
        for batch in RowReader(table).batches(connection):
            tally.add(batch)
            frames.write(Rows(table.name, [msgspec.Raw(row) for row in batch]))
            meter.advance(len(batch))
        counts[table.name] = tally.count
    meter.finish()
    return End(counts, read_counters(crm.model, connection))


@contextmanager
def _complete(file: Path) -> Iterator[IO[bytes]]:
    """Give an open file that has the name *file* when the block has ended well, and else is gone.

    Killed, it leaves ``FILE.partial``, which the next backup of that name overwrites.
    """
    if file.exists():
        raise BackupTargetError(file)
    partial = file.with_name(f"{file.name}.partial")
    with file_lock(f"{partial}-lock") as first:
        if not first:
            raise BackupTargetError(partial)
        try:
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as opened:
                yield opened
                opened.flush()
                os.fsync(opened.fileno())
            _name(partial, file)
        finally:
            partial.unlink(missing_ok=True)


def _name(partial: Path, file: Path) -> None:
    """Give *partial* the name *file*, unless somebody has taken it meanwhile, and let that survive a power cut."""
    try:
        os.link(partial, file)
    except FileExistsError:
        raise BackupTargetError(file) from None
    except OSError:
        # Some file systems, those of memory sticks among them, know no second name.
        partial.rename(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
