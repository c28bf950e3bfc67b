"""Reading a backup: what it says of itself, and whether it is whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs

from crmkit.backup.errors import BackupDamagedError
from crmkit.backup.file_pieces import FileReader
from crmkit.backup.frames import End, FileCount, Frame, Manifest, Rows, Tally, read_frames
from crmkit.backup.sealing import Key, read_sealed
from crmkit.core.progress import Meter, Show
from crmkit.core.text import gettext as _, translate

__all__ = ["Checked", "Contents", "check_backup"]


@attrs.frozen
class Checked:
    """What a backup that is whole holds; *files* is ``None`` if it was made without them."""

    manifest: Manifest
    files: FileCount | None


class Contents:
    """The frames of a backup, checked while they are read: *manifest* at once, *end* after the rows, then the files.

    Rows and files must be read to their end, in this order.
    """

    def __init__(self, frames: Iterator[Frame]) -> None:
        """Read the manifest.

        Raises:
            NotABackupError, BackupVersionError, BackupKeyError, BackupDamagedError: it cannot be read.
        """
        self._frames = frames
        first = next(frames)
        if not isinstance(first, Manifest):
            raise BackupDamagedError(_("its manifest is missing"))
        self.manifest = first
        self.end = End({}, {})

    def rows(self) -> Iterator[Rows]:
        """Yield the rows, and compare with what was counted when they were written.

        Raises:
            BackupDamagedError: it is not what was written.
        """
        tallies = {table.name: Tally() for table in self.manifest.tables}
        for frame in self._frames:
            if isinstance(frame, End):
                self.end = frame
                break
            if not isinstance(frame, Rows) or frame.table not in tallies:
                raise BackupDamagedError(_("it holds what no crmkit of this version writes"))
            tallies[frame.table].add(map(bytes, frame.rows))
            yield frame
        else:
            raise BackupDamagedError(_("its end is missing"))
        for table in self.manifest.tables:
            found = tallies[table.name].count
            if self.end.tables.get(table.name) != found or found.rows != table.rows:
                raise BackupDamagedError(_("the rows of {table} are not those that were counted"), table=table.name)

    def files(self) -> FileReader | None:
        """Return what reads the files that follow the rows; ``None`` if there are none in the backup."""
        if self.manifest.files is not None:
            return FileReader(self._frames, self.manifest.files)
        if next(self._frames, None) is not None:
            raise BackupDamagedError(_("it holds what no crmkit of this version writes"))
        return None


def check_backup(file: Path, key: Key, *, show: Show | None = None) -> Checked:
    """Read all of *file*, check every chunk, table and content, and return what it holds; nothing is restored.

    Raises:
        NotABackupError: it is no backup.
        BackupVersionError: its format is not known here.
        BackupKeyError: it was encrypted with another key.
        BackupDamagedError: it is not what was written.
    """
    with file.open("rb") as opened:
        contents = Contents(read_frames(read_sealed(opened, str(file), key)))
        manifest = contents.manifest
        steps = 1 if manifest.files is None else 2
        meter = Meter(show, translate(_("check")), steps=steps, total=sum(table.rows for table in manifest.tables))
        for batch in contents.rows():
            meter.advance(len(batch.rows))
        meter.finish()
        files = contents.files()
        if files is None:
            return Checked(manifest, None)
        meter = Meter(show, translate(_("files")), number=2, steps=steps, total=files.listed.count)
        for _hash, _pieces in files:
            meter.advance(1)
        meter.finish()
        return Checked(manifest, files.count)
