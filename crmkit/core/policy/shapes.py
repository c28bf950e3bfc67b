"""Shapes: what decides the text of a principal's statements, numbered so that it is compared once and not each time."""

from __future__ import annotations

from collections.abc import Hashable
from threading import Lock

__all__ = ["Shapes"]


class Shapes:
    """The numbers of one CRM's shapes, given to all its threads: equal shapes have one, different shapes never."""

    def __init__(self) -> None:
        """Start empty."""
        self._lock = Lock()
        self._numbers: dict[Hashable, int] = {}

    def number(self, shape: Hashable) -> int:
        """Return the number of *shape*, a new one for a shape that was never met."""
        with self._lock:
            return self._numbers.setdefault(shape, len(self._numbers))
