"""Reading a backup: what it says of itself, and whether it is whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from crmkit.backup.errors import BackupDamagedError
from crmkit.backup.frames import End, Frame, Manifest, Rows, Tally, read_frames
from crmkit.backup.sealing import Key, read_sealed
from crmkit.core.progress import Meter, Show
from crmkit.core.text import gettext as _, translate

__all__ = ["Contents", "check_backup"]


class Contents:
    """The frames of a backup, checked while they are read: *manifest* at once, *end* when all rows were read."""

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
            if isinstance(frame, Rows) and frame.table in tallies:
                tallies[frame.table].add(map(bytes, frame.rows))
                yield frame
            elif isinstance(frame, End):
                self.end = frame
            else:
                raise BackupDamagedError(_("it holds what no crmkit of this version writes"))
        for table in self.manifest.tables:
            found = tallies[table.name].count
            if self.end.tables.get(table.name) != found or found.rows != table.rows:
                raise BackupDamagedError(_("the rows of {table} are not those that were counted"), table=table.name)


def check_backup(file: Path, key: Key, *, show: Show | None = None) -> Manifest:
    """Read all of *file*, check every chunk and every table, and return the manifest; nothing is restored.

    Raises:
        NotABackupError: it is no backup.
        BackupVersionError: its format is not known here.
        BackupKeyError: it was encrypted with another key.
        BackupDamagedError: it is not what was written.
    """
    with file.open("rb") as opened:
        contents = Contents(read_frames(read_sealed(opened, str(file), key)))
        total = sum(table.rows for table in contents.manifest.tables)
        meter = Meter(show, translate(_("check")), total=total)
        for batch in contents.rows():
            meter.advance(len(batch.rows))
        meter.finish()
    return contents.manifest
