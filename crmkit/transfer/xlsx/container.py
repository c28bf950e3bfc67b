"""The zip file that a workbook is: checked before a part of it is unpacked."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from crmkit.core.text import Text, gettext as _
from crmkit.transfer.cells import Limits
from crmkit.transfer.errors import (
    SourceDamagedError,
    SourceFormatError,
    SourceProtectedError,
    SourceTooLargeError,
)

__all__ = ["OLE", "ZIP", "Container"]

ZIP = b"PK\x03\x04"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_END = b"PK\x05\x06"
_CHUNK = 1 << 16
# Small parts compress well by nature; a bomb is no small part.
_SMALL = 100_000
# A workbook has some dozens of parts; the directory alone of a hostile file can fill the memory.
_MAX_DIRECTORY = 1_000_000
_SAVE_AS_XLSX = _("Save it as an Excel workbook (.xlsx) or as CSV")


class Container:
    """The parts of a workbook, each read in pieces."""

    def __init__(self, path: Path, limits: Limits) -> None:
        """Open *path*.

        Raises:
            SourceProtectedError: it needs a password.
            SourceFormatError: it is no workbook.
            SourceTooLargeError: it unpacks to more than the limits, or compresses like nothing but a bomb.
            SourceDamagedError: the zip file is broken.
        """
        self.file, self._limits, self._read = path.name, limits, 0
        self._handle = path.open("rb")
        try:
            self._check_kind()
            self._check_directory()
            self._zip = self._opened()
            self._check_sizes()
        except BaseException:
            self._handle.close()
            raise

    def _check_kind(self) -> None:
        head = self._handle.read(8)
        if head == OLE:
            self._refuse_ole()
        if not head.startswith(ZIP):
            raise SourceFormatError(self.file, _("it is no Excel workbook"), _SAVE_AS_XLSX)

    def _refuse_ole(self) -> None:
        """Tell an encrypted workbook (an OLE file with a stream of this name) from one of Excel 97."""
        self._handle.seek(0)
        while chunk := self._handle.read(1 << 20):
            if "EncryptedPackage".encode("utf-16-le") in chunk:
                raise SourceProtectedError(
                    self.file, _("it is protected with a password"), _("Save it without a password")
                )
        raise SourceFormatError(self.file, _("it is a file of Excel 97 or older, or no workbook"), _SAVE_AS_XLSX)

    def _check_directory(self) -> None:
        size = self._handle.seek(0, 2)
        self._handle.seek(max(0, size - 65_557))
        tail = self._handle.read()
        end = tail.rfind(_END)
        if end < 0 or len(tail) - end < 22:
            raise self.damaged(_("the zip file has no end; it was cut off"))
        (directory,) = struct.unpack_from("<I", tail, end + 12)
        if directory > _MAX_DIRECTORY:
            raise SourceTooLargeError(self.file, _("it has more parts than any workbook"), _SAVE_AS_XLSX)

    def _opened(self) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(self._handle)
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise self.damaged(_("the zip file is broken: {cause}"), cause=error) from None

    def _check_sizes(self) -> None:
        parts = self._zip.infolist()
        if any(part.flag_bits & 1 for part in parts):
            raise SourceProtectedError(self.file, _("it is protected with a password"), _("Save it without a password"))
        for part in parts:
            if part.file_size > _SMALL and part.file_size > part.compress_size * self._limits.ratio:
                raise SourceTooLargeError(
                    self.file,
                    _("its part {part} would unpack from {packed} to {unpacked} bytes"),
                    _("At most {ratio} times as much"),
                    part=part.filename,
                    packed=part.compress_size,
                    unpacked=part.file_size,
                    ratio=self._limits.ratio,
                )
        total = sum(part.file_size for part in parts)
        if total > self._limits.unpacked:
            raise SourceTooLargeError(
                self.file,
                _("it would unpack to {unpacked} bytes"),
                _("At most {limit}; export it as CSV"),
                unpacked=total,
                limit=self._limits.unpacked,
            )

    def damaged(self, reason: Text, **facts: Any) -> SourceDamagedError:
        """Return the error that says what is broken."""
        return SourceDamagedError(self.file, reason, _("Open it in a spreadsheet and save it again"), **facts)

    def has(self, part: str) -> bool:
        """Return whether the workbook has *part*."""
        return part in self._zip.NameToInfo

    def fraction(self, part: str) -> float:
        """Return how much of *part*, the one that is being read, has been read: from 0 to 1."""
        return min(1.0, self._read / max(1, self._zip.getinfo(part).file_size))

    def chunks(self, part: str) -> Iterator[bytes]:
        """Return the bytes of *part*, in pieces.

        Raises:
            SourceDamagedError: the part is missing, or its checksum or size is wrong.
        """
        self._read = 0
        try:
            with self._part(part) as file:
                while chunk := file.read(_CHUNK):
                    self._read += len(chunk)
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
            raise self.damaged(_("its part {part} cannot be unpacked: {cause}"), part=part, cause=error) from None

    def _part(self, part: str) -> IO[bytes]:
        try:
            return self._zip.open(part)
        except KeyError:
            raise self.damaged(_("its part {part} is missing"), part=part) from None

    def close(self) -> None:
        """Close the file."""
        self._zip.close()
        self._handle.close()


def resolve(base: str, target: str) -> str:
    """Return the part that *target* names, seen from the folder *base*."""
    path = PurePosixPath(target) if target.startswith("/") else PurePosixPath("/", base, target)
    kept: list[str] = []
    for piece in path.parts[1:]:
        if piece == "..":
            kept[-1:] = []
        elif piece != ".":
            kept.append(piece)
    return "/".join(kept)
