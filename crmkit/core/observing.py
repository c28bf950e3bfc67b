"""Who looks on: what metrics and traces are told of transactions and work. Nothing depends on whether anybody does."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal, Protocol

__all__ = ["NOBODY", "Observer"]

_NOTHING: AbstractContextManager[None] = nullcontext()


class Observer(Protocol):
    """Looks on; what it is told holds nothing of any record. What it returns is entered while that lasts."""

    def transaction(self, kind: Literal["read", "write"]) -> AbstractContextManager[object]:
        """A transaction begins; waiting for other writers is part of it."""
        ...

    def work(self, kind: str, name: str) -> AbstractContextManager[object]:
        """A handler begins: that of the job, or of the subscriber, *name*."""
        ...


class _Nobody:
    def transaction(self, kind: Literal["read", "write"]) -> AbstractContextManager[object]:
        return _NOTHING

    def work(self, kind: str, name: str) -> AbstractContextManager[object]:
        return _NOTHING


#: Looks at nothing.
NOBODY: Observer = _Nobody()
