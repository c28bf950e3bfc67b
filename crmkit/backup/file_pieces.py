"""What is inside files, in a backup: each content once, in pieces, behind the rows that name it."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from crmkit.backup.errors import BackupDamagedError
from crmkit.backup.frames import FileCount, FileLost, FilePiece, Files, Frame, FrameWriter
from crmkit.core.content.errors import ContentDamagedError, ContentMissingError
from crmkit.core.content.store import ContentStore
from crmkit.core.progress import Meter
from crmkit.core.text import gettext as _

__all__ = ["FileReader", "HashList", "write_files"]


class HashList:
    """Hashes in a temporary file, so that memory does not grow with them."""

    def __init__(self) -> None:
        """Begin with none."""
        self._file = tempfile.TemporaryFile(prefix="crmkit-")  # noqa: SIM115
        self._count = 0

    def extend(self, hashes: Iterable[str]) -> None:
        """Write *hashes* down."""
        for hash_ in hashes:
            self._file.write(bytes.fromhex(hash_))
            self._count += 1

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str]:
        self._file.seek(0)
        size = hashlib.sha256().digest_size
        while hash_ := self._file.read(size):
            yield hash_.hex()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def write_files(contents: ContentStore, hashes: Iterable[str], frames: FrameWriter, meter: Meter) -> FileCount:
    """Write the content of each of *hashes*, and at the end how much that was.

    What is missing or damaged is told and left out. It may just have been deleted: its record was erased since.
    """
    count = size = lost = 0
    for hash_ in hashes:
        try:
            size += _write(frames, hash_, contents.read(hash_))
            count += 1
        except (ContentMissingError, ContentDamagedError):
            frames.write(FileLost(hash_))
            lost += 1
        meter.advance(1)
    total = FileCount(count, size, lost)
    frames.write(total)
    return total


def _write(frames: FrameWriter, hash_: str, chunks: Iterable[bytes]) -> int:
    size, before = 0, b""
    for chunk in chunks:
        if before:
            frames.write(FilePiece(hash_, before, False))
        size, before = size + len(chunk), chunk
    frames.write(FilePiece(hash_, before, True))
    return size


class FileReader:
    """Reads contents from *frames*, checked while they are read; *count* is what was found, once all were read."""

    def __init__(self, frames: Iterator[Frame], listed: Files) -> None:
        """Read what follows the rows, which is what the manifest has *listed*."""
        self._frames, self.listed = frames, listed
        self.count = FileCount(0, 0, 0)

    def __iter__(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Yield the hash of each content, and its pieces, which can be read until the next one is asked for.

        Raises:
            BackupDamagedError: it is not what was written.
        """
        for frame in self._frames:
            if isinstance(frame, FilePiece):
                pieces = self._pieces(frame)
                yield frame.hash, pieces
                # What nobody wanted is checked as well.
                for _piece in pieces:
                    pass
            elif isinstance(frame, FileLost):
                self._add(lost=1)
            elif frame == self.count and next(self._frames, None) is None:
                return
            else:
                raise BackupDamagedError(_("the files are not those that were counted"))
        raise BackupDamagedError(_("its end is missing"))

    def _pieces(self, first: FilePiece) -> Iterator[bytes]:
        digest, size, piece = hashlib.sha256(), 0, first
        while True:
            digest.update(piece.data)
            size += len(piece.data)
            yield piece.data
            if piece.is_last:
                break
            piece = self._following(piece)
        if digest.hexdigest() != first.hash:
            raise _damaged(first.hash)
        self._add(count=1, size=size)

    def _following(self, piece: FilePiece) -> FilePiece:
        frame = next(self._frames, None)
        if not isinstance(frame, FilePiece) or frame.hash != piece.hash:
            raise _damaged(piece.hash)
        return frame

    def _add(self, *, count: int = 0, size: int = 0, lost: int = 0) -> None:
        known = self.count
        self.count = FileCount(known.count + count, known.size + size, known.lost + lost)


def _damaged(hash_: str) -> BackupDamagedError:
    return BackupDamagedError(_("the content {hash} is not what was put there"), hash=hash_)
