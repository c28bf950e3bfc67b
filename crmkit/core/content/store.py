"""Content in the file system, each under the hash of its bytes: the same content is kept once, and proves itself."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

import attrs

from crmkit.core.content.errors import ContentDamagedError, ContentMissingError, ContentTooLargeError
from crmkit.core.content.kinds import SHOWN_INLINE, kind_of, plain_name

__all__ = ["Content", "ContentStore"]

_HASH = re.compile(r"[0-9a-f]{64}\Z")
_SNIFFED = 8192
_CHUNK = 1 << 16


@attrs.frozen
class Content:
    """Something that was put into a store: what is to be kept about it. *hash* is SHA-256 in hexadecimal digits."""

    hash: str
    size: int
    name: str
    type: str

    @property
    def is_inline(self) -> bool:
        """Whether a browser may show it; anything else is to be served as an attachment."""
        return self.type in SHOWN_INLINE


class ContentStore:
    """A folder of content. It knows neither people nor records: ask it only for what a reader gave you.

    Who puts what is there already is told nothing of that, and sends every byte.
    """

    def __init__(self, folder: Path | str, most: int) -> None:
        """Keep content of up to *most* bytes in *folder*, which is made when it is first needed."""
        self._folder, self._most = Path(folder), most

    def put(self, name: str, chunks: Iterable[bytes]) -> Content:
        """Keep *chunks* and return what to write of them; they are streamed, and there is all of it or nothing.

        Raises:
            ContentTooLargeError: there are more bytes than the store takes.
            ContentRefusedError: it is a program.
            ContentKindError: it is not what *name* says.
        """
        name, waiting = plain_name(name), iter(chunks)
        start = _first(waiting)
        kind = kind_of(name, start[:_SNIFFED])
        incoming = self._made(self._folder / "incoming") / token_hex(16)
        try:
            with open(incoming, "xb") as file:
                hash_, size = self._copied(name, chain([start], waiting), file)
            self._keep(incoming, hash_)
        finally:
            incoming.unlink(missing_ok=True)
        return Content(hash_, size, name, kind)

    def _copied(self, name: str, chunks: Iterable[bytes], file: BinaryIO) -> tuple[str, int]:
        digest, size = hashlib.sha256(), 0
        for chunk in chunks:
            size += len(chunk)
            if size > self._most:
                raise ContentTooLargeError(name, self._most)
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
        return digest.hexdigest(), size

    def _keep(self, incoming: Path, hash_: str) -> None:
        path = self._path(hash_)
        self._made(path.parent)
        # Also over what is there: that may be damaged, and is as new as this from now on.
        incoming.replace(path)
        _sync_folder(path.parent)

    def read(self, hash_: str) -> Iterator[bytes]:
        """Return the content in chunks, after every byte of it was checked.

        Raises:
            ContentMissingError: there is no such content.
            ContentDamagedError: it is not what was put any more.
        """
        try:
            file = open(self._path(hash_), "rb", opener=_without_links)  # noqa: SIM115
        except OSError:
            raise ContentMissingError(hash_) from None
        if hashlib.file_digest(file, "sha256").hexdigest() != hash_:
            file.close()
            raise ContentDamagedError(hash_)
        file.seek(0)
        return _chunks(file)

    def has(self, hash_: str) -> bool:
        """Return whether there is such content, whole or not."""
        return self._path(hash_).is_file()

    def hashes(self, before: float) -> Iterator[str]:
        """Yield the hash of all content that was last put before this time, in seconds since 1970."""
        for path in self._folder.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*"):
            if _HASH.match(path.name) and path.stat().st_mtime < before:
                yield path.name

    def remove(self, hash_: str, before: float) -> bool:
        """Delete content, unless it was put again since the time *before*, and return whether it is gone."""
        path = self._path(hash_)
        if not path.is_file() or path.stat().st_mtime >= before:
            return False
        path.unlink()
        return True

    def tidy(self, before: float) -> int:
        """Delete what uploads that broke off before this time have left behind, and return how many those were."""
        left = [path for path in self._folder.glob("incoming/*") if path.stat().st_mtime < before]
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def _path(self, hash_: str) -> Path:
        """Return where content is; a hash of any other form leads nowhere.

        Raises:
            ContentMissingError: *hash_* is no hash.
        """
        if not _HASH.match(hash_):
            raise ContentMissingError(hash_)
        return self._folder / hash_[:2] / hash_[2:4] / hash_

    def _made(self, folder: Path) -> Path:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder


def _first(chunks: Iterator[bytes]) -> bytes:
    """Return as many of *chunks* as tell what they are."""
    start = b""
    for chunk in chunks:
        start += chunk
        if len(start) >= _SNIFFED:
            break
    return start


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK):
            yield chunk


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
