"""Keys that a file has shown so far, however many: in a temporary database that lives in memory as long as it can."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from types import TracebackType
from typing import Self

__all__ = ["SeenKeys"]


class SeenKeys:
    """Remembers on which line each key stood first, and what stood beside it."""

    def __init__(self) -> None:
        # The empty name is SQLite's own temporary file, written to only when its cache is full.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE seen (key BLOB PRIMARY KEY, line INTEGER, beside BLOB) WITHOUT ROWID")
        # Never committed: nobody else reads it.
        self._database.execute("BEGIN")

    def first(self, key: Sequence[str], beside: Sequence[str], line: int) -> tuple[int, bool] | None:
        """Return ``None`` if *key* is new, else the line where it stood and whether the same stood *beside* it."""
        digests = _digest(key), _digest(beside)
        database = self._database
        if database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", (digests[0], line, digests[1])).rowcount:
            return None
        found = database.execute("SELECT line, beside FROM seen WHERE key = ?", digests[:1]).fetchone()
        return found[0], found[1] == digests[1]

    def close(self) -> None:
        """Give the space back."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _digest(texts: Sequence[str]) -> bytes:
    # The lengths keep ("a", "bc") and ("ab", "c") apart.
    joined = "\0".join([*texts, *map(str, map(len, texts))])
    return hashlib.blake2b(joined.encode("utf-8", "surrogatepass"), digest_size=16).digest()
