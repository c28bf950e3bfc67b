"""Shapes: what decides the text of a principal's statements, numbered so that it is compared once and not each time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from itertools import count
from threading import Lock

__all__ = ["Shapes"]


class Shapes:
    """The numbers of one CRM's shapes, given to all its threads: equal shapes have one, different shapes never.

    Of more than *limit* shapes the oldest is forgotten; if it is met again, it gets a new number.
    """

    def __init__(self, limit: int = 4096) -> None:
        """Start empty."""
        self._limit, self._lock, self._next = limit, Lock(), count()
        self._numbers: OrderedDict[Hashable, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._numbers)

    def number(self, shape: Hashable) -> int:
        """Return the number of *shape*, a new one for a shape that is not known."""
        with self._lock:
            found = self._numbers.get(shape)
            if found is None:
                found = self._numbers[shape] = next(self._next)
                if len(self._numbers) > self._limit:
                    self._numbers.popitem(last=False)
            return found
