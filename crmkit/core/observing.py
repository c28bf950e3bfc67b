"""Who looks on: what metrics and traces are told of transactions and work. Nothing depends on whether anybody does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, Protocol

__all__ = ["MOST_TRACES", "NOBODY", "Observer", "Traces"]

#: By how many traces at most something is known: what caused it, what caused that, and so on.
MOST_TRACES = 32
#: Tells by which traces is known what happens now, as W3C Trace Context writes them, the nearest first.
Traces = Callable[[], Sequence[str]]

_NOTHING: AbstractContextManager[None] = nullcontext()


class Observer(Protocol):
    """Looks on; what it is told holds nothing of any record. What it returns is entered while that lasts."""

    def transaction(self, kind: Literal["read", "write"]) -> AbstractContextManager[object]:
        """A transaction begins; waiting for other writers is part of it."""
        ...

    def work(self, kind: str, name: str, traces: Sequence[str] = ()) -> AbstractContextManager[object]:
        """A handler begins: that of the job, or of the subscriber, *name*; what caused it is known by *traces*."""
        ...

    @property
    def is_tracing(self) -> bool:
        """Whether anything is made of traces."""
        ...

    def traces(self) -> Sequence[str]:
        """Return by which traces is known what happens now; by none where nobody traces."""
        ...


class _Nobody:
    is_tracing = False

    def transaction(self, kind: Literal["read", "write"]) -> AbstractContextManager[object]:
        return _NOTHING

    def work(self, kind: str, name: str, traces: Sequence[str] = ()) -> AbstractContextManager[object]:
        return _NOTHING

    def traces(self) -> Sequence[str]:
        return ()


#: Looks at nothing.
NOBODY: Observer = _Nobody()
