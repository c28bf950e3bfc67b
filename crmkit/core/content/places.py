"""Where content lies: what a store asks of a folder or a bucket."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from crmkit.core.content.errors import ContentMissingError

__all__ = ["Place", "is_hash", "key_of"]

_HASH = re.compile(r"[0-9a-f]{64}\Z")


class Place(Protocol):
    """Keeps whole content by hash. Times are those of the place, in seconds since 1970."""

    def incoming(self) -> Path:
        """Return where to write content that is on its way, in a folder that exists."""
        ...

    def keep(self, incoming: Path, hash_: str) -> None:
        """Take the whole content, as new as this, over what may be there."""
        ...

    def open(self, hash_: str) -> BinaryIO:
        """Return a file of the content.

        Raises:
            ContentMissingError: there is none.
        """
        ...

    def age(self, hash_: str) -> float | None:
        """Return when the content was last put; ``None`` if there is none."""
        ...

    def hashes(self, before: float) -> Iterator[str]:
        """Yield the hash of all content that was last put before this time."""
        ...

    def remove(self, hash_: str) -> None:
        """Delete the content."""
        ...

    def tidy(self, before: float) -> int:
        """Delete what uploads that broke off before this time have left behind, and return how many those were."""
        ...


def is_hash(text: str) -> bool:
    """Return whether *text* has the form of a hash."""
    return bool(_HASH.match(text))


def key_of(hash_: str) -> str:
    """Return where content is kept in its place; a hash of any other form leads nowhere.

    Raises:
        ContentMissingError: *hash_* is no hash.
    """
    if not is_hash(hash_):
        raise ContentMissingError(hash_)
    return f"{hash_[:2]}/{hash_[2:4]}/{hash_}"
