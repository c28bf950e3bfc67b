"""What stands in the stream: a manifest, batches of rows, an end that says how many, and what is inside files.

Each frame is its length and a MessagePack array whose first element names its kind; the frames together are
compressed by zlib.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import msgspec

from crmkit.backup.errors import BackupDamagedError
from crmkit.backup.sealing import SealedWriter
from crmkit.core.text import gettext as _

__all__ = [
    "Column",
    "Count",
    "End",
    "FileCount",
    "FileLost",
    "FilePiece",
    "Files",
    "Frame",
    "FrameWriter",
    "Manifest",
    "Rows",
    "Table",
    "Tally",
    "read_frames",
]

_LENGTH, _PIECE, _FAST = 4, 1 << 18, 3


class Column(msgspec.Struct, frozen=True):
    """A column, the kind of its values (see :mod:`crmkit.backup.values`), and its type in the database it is from."""

    name: str
    kind: str
    type: str


class Table(msgspec.Struct, frozen=True):
    """A table. *ddl* has, for each kind of database, what makes the table and each of its indexes by name."""

    name: str
    columns: list[Column]
    rows: int
    ddl: dict[str, dict[str, str]]


class Files(msgspec.Struct, frozen=True):
    """How many contents of files the database names, and in which columns, each as table and name."""

    count: int
    columns: list[tuple[str, str]]


class Manifest(msgspec.Struct, frozen=True, tag="manifest"):
    """What the backup holds and where it comes from; *files* is ``None`` if it has no content of files."""

    crmkit: str
    created_at: str
    dialect: str
    company: str
    currency: str
    plugins: dict[str, str]
    revisions: dict[str, str]
    parked: list[str]
    anchor: str
    tables: list[Table]
    files: Files | None = None


class Rows(msgspec.Struct, frozen=True, tag="rows"):
    """Rows of one table, each a MessagePack array of its own."""

    table: str
    rows: list[msgspec.Raw]


class Count(msgspec.Struct, frozen=True, array_like=True):
    """How many rows a table has, and the sum of their digests."""

    rows: int
    digest: str


class End(msgspec.Struct, frozen=True, tag="end"):
    """What was written: of each table, and how far each counter of human numbers has come."""

    tables: dict[str, Count]
    counters: dict[str, int]


class FilePiece(msgspec.Struct, frozen=True, tag="piece"):
    """A piece of the content with this hash; the pieces of one follow each other."""

    hash: str
    data: bytes
    is_last: bool


class FileLost(msgspec.Struct, frozen=True, tag="lost"):
    """That the content with this hash was missing or damaged when the backup was made."""

    hash: str


class FileCount(msgspec.Struct, frozen=True, tag="files"):
    """How many contents there were, how large they are together, in bytes, and how many were lost; the last frame."""

    count: int
    size: int
    lost: int


Frame: TypeAlias = Manifest | Rows | End | FilePiece | FileLost | FileCount


class Tally:
    """Counts rows and sums up their digests, in whatever order they come."""

    def __init__(self) -> None:
        self._rows, self._sum = 0, 0

    def add(self, rows: Iterable[bytes]) -> None:
        """Count *rows* as they stand in the stream."""
        sha256, from_bytes = hashlib.sha256, int.from_bytes
        for row in rows:
            self._rows += 1
            self._sum += from_bytes(sha256(row).digest(), "big")

    @property
    def count(self) -> Count:
        """What was counted."""
        return Count(self._rows, f"{self._sum % (1 << 256):064x}")


class FrameWriter:
    """Writes frames to a sealed stream."""

    def __init__(self, stream: SealedWriter) -> None:
        """Compress fast rather than well: the database is what must not wait."""
        self._stream, self._squeeze = stream, zlib.compressobj(_FAST)

    def write(self, frame: Frame) -> None:
        """Write *frame*."""
        body = msgspec.msgpack.encode(frame)
        self._stream.write(self._squeeze.compress(len(body).to_bytes(_LENGTH, "big") + body))

    def close(self) -> None:
        """Complete the stream."""
        self._stream.write(self._squeeze.flush())
        self._stream.close()


def read_frames(chunks: Iterable[bytes]) -> Iterator[Frame]:
    """Yield the frames in *chunks*.

    Raises:
        BackupDamagedError: the frames are no frames, or the last one is cut off.
    """
    decode: Any = msgspec.msgpack.Decoder(Frame).decode
    waiting = bytearray()
    for piece in _unsqueezed(chunks):
        waiting += piece
        while (end := _end_of_frame(waiting)) is not None:
            try:
                frame = decode(bytes(waiting[_LENGTH:end]))
            except msgspec.MsgspecError:
                raise BackupDamagedError(_("it holds what no crmkit of this version writes")) from None
            del waiting[:end]
            yield frame
    if waiting:
        raise BackupDamagedError(_("its end is missing"))


def _end_of_frame(waiting: bytearray) -> int | None:
    if len(waiting) < _LENGTH:
        return None
    end = _LENGTH + int.from_bytes(waiting[:_LENGTH], "big")
    return end if len(waiting) >= end else None


def _unsqueezed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    swell = zlib.decompressobj()
    for chunk in chunks:
        piece = swell.decompress(chunk, _PIECE)
        while piece:
            yield piece
            piece = swell.decompress(swell.unconsumed_tail, _PIECE)
    yield swell.flush()
