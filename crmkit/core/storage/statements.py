"""Statements kept between requests, under everything that decides their text."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar

__all__ = ["StatementCache"]

S = TypeVar("S")


class StatementCache:
    """The newest *limit* prepared statements, or what goes with them, shared by all threads of one CRM."""

    def __init__(self, limit: int = 4096) -> None:
        """Start empty."""
        self._limit, self._lock = limit, Lock()
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable, make: Callable[[], S]) -> S:
        """Return what is kept under *key*, made by *make* if there is nothing."""
        found: S | None = self._kept.get(key)
        if found is None:
            found = make()
            with self._lock:
                self._kept[key] = found
                while len(self._kept) > self._limit:
                    self._kept.popitem(last=False)
        return found
