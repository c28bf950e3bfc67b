"""Content, each under the hash of its bytes: the same content is kept once, and proves itself."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import attrs

from crmkit.core.content.bucket import Bucket
from crmkit.core.content.errors import ContentDamagedError, ContentTooLargeError
from crmkit.core.content.folder import Folder
from crmkit.core.content.kinds import SHOWN_INLINE, UNKNOWN, kind_of, plain_name
from crmkit.core.content.places import Place, key_of

__all__ = ["Content", "ContentStore"]

_SNIFFED = 8192
_CHUNK = 1 << 16
_S3 = "s3://"


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
    """Keeps content. It knows neither people nor records: ask it only for what a reader gave you.

    Who puts what is there already is told nothing of that, and sends every byte.
    """

    def __init__(self, place: Path | str, most: int, *, endpoint: str | None = None) -> None:
        """Keep content of up to *most* bytes in *place*: a folder, or ``s3://bucket/prefix``, at *endpoint*."""
        is_bucket = str(place).startswith(_S3)
        self._place: Place = Bucket(str(place), endpoint) if is_bucket else Folder(Path(place))
        self._most = most

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
        hash_, size = self._keep(self._limited(name, chain([start], waiting)))
        return Content(hash_, size, name, kind)

    def keep(self, name: str, chunks: Iterable[bytes]) -> Content:
        """Keep *chunks*, whatever they are and however many: what crmkit itself reads or has made.

        Nobody may be shown it but as something to be saved.
        """
        hash_, size = self._keep(chunks)
        return Content(hash_, size, plain_name(name), UNKNOWN)

    def _limited(self, name: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
        size = 0
        for chunk in chunks:
            size += len(chunk)
            if size > self._most:
                raise ContentTooLargeError(name, self._most)
            yield chunk

    def restore(self, hash_: str, chunks: Iterable[bytes]) -> int:
        """Keep *chunks*, which were kept under *hash_* before, whatever they are and however many; return their size.

        Raises:
            ContentMissingError: *hash_* is no hash.
            ContentDamagedError: the chunks do not have this hash. Nothing was kept.
        """
        key_of(hash_)
        return self._keep(chunks, hash_)[1]

    def _keep(self, chunks: Iterable[bytes], expected: str | None = None) -> tuple[str, int]:
        incoming = self._place.incoming()
        try:
            hash_, size = _write(incoming, chunks)
            if expected not in (None, hash_):
                raise ContentDamagedError(str(expected))
            self._place.keep(incoming, hash_)
        finally:
            incoming.unlink(missing_ok=True)
        return hash_, size

    def read(self, hash_: str) -> Iterator[bytes]:
        """Return the content in chunks, after every byte of it was checked.

        Raises:
            ContentMissingError: there is no such content.
            ContentDamagedError: it is not what was put any more.
        """
        return _chunks(self._checked(hash_))

    def check(self, hash_: str) -> None:
        """Return if the content is there and every byte of it is what was put.

        Raises:
            ContentMissingError: there is no such content.
            ContentDamagedError: it is not what was put any more.
        """
        self._checked(hash_).close()

    def _checked(self, hash_: str) -> BinaryIO:
        file = self._place.open(hash_)
        if hashlib.file_digest(file, "sha256").hexdigest() != hash_:  # type: ignore[arg-type]
            file.close()
            raise ContentDamagedError(hash_)
        file.seek(0)
        return file

    def has(self, hash_: str) -> bool:
        """Return whether there is such content, whole or not."""
        return self._place.age(hash_) is not None

    def hashes(self, before: float) -> Iterator[str]:
        """Yield the hash of all content that was last put before this time, in seconds since 1970."""
        return self._place.hashes(before)

    def remove(self, hash_: str, before: float) -> bool:
        """Delete content, unless it was put again since the time *before*, and return whether it is gone."""
        age = self._place.age(hash_)
        if age is None or age >= before:
            return False
        self._place.remove(hash_)
        return True

    def tidy(self, before: float) -> int:
        """Delete what uploads that broke off before this time have left behind, and return how many those were."""
        return self._place.tidy(before)


def _write(incoming: Path, chunks: Iterable[bytes]) -> tuple[str, int]:
    """Write *chunks* to the disk and return their hash and size."""
    digest, size = hashlib.sha256(), 0
    with open(incoming, "wb") as file:
        for chunk in chunks:
            digest.update(chunk)
            size += file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest(), size


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
