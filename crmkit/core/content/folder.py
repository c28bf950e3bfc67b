"""Content in a folder: written and synced beside it, then renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

import attrs

from crmkit.core.content.errors import ContentMissingError
from crmkit.core.content.places import is_hash, key_of

__all__ = ["Folder"]


@attrs.frozen
class Folder:
    """A folder of the file system, made when it is first needed."""

    path: Path

    def incoming(self) -> Path:
        """Return a path in the same file system, so that renaming is all or nothing."""
        return _made(self.path / "incoming") / token_hex(16)

    def keep(self, incoming: Path, hash_: str) -> None:
        """Rename *incoming*, which is synced, to its place."""
        path = self.path / key_of(hash_)
        _made(path.parent)
        incoming.replace(path)
        _sync_folder(path.parent)

    def open(self, hash_: str) -> BinaryIO:
        """Return the file; a link is none.

        Raises:
            ContentMissingError: there is none.
        """
        try:
            return open(self.path / key_of(hash_), "rb", opener=_without_links)
        except OSError:
            raise ContentMissingError(hash_) from None

    def age(self, hash_: str) -> float | None:
        """Return the time of its last change."""
        path = self.path / key_of(hash_)
        return path.stat().st_mtime if path.is_file() else None

    def hashes(self, before: float) -> Iterator[str]:
        """Yield the names of older files that are hashes."""
        for path in self.path.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*"):
            if is_hash(path.name) and path.stat().st_mtime < before:
                yield path.name

    def remove(self, hash_: str) -> None:
        """Delete the file."""
        (self.path / key_of(hash_)).unlink(missing_ok=True)

    def tidy(self, before: float) -> int:
        """Delete older files that are on their way."""
        left = [path for path in self.path.glob("incoming/*") if path.stat().st_mtime < before]
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _without_links(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0))


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # A folder cannot be opened there; NTFS keeps names in its own journal.
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
