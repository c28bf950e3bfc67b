"""What every line of the log says beside its own: which request, which trace, which work it belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

import attrs

__all__ = ["TraceParent", "log_context", "logging_about"]

_facts: ContextVar[Mapping[str, object]] = ContextVar("crmkit_log_facts", default=MappingProxyType({}))
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?\Z")


def log_context() -> Mapping[str, object]:
    """Return the facts that lines of the log have now."""
    return _facts.get()


@contextmanager
def logging_about(**facts: object) -> Iterator[None]:
    """Give these *facts* to every line that is logged inside the block; those that are ``None`` are left out."""
    token = _facts.set({**_facts.get(), **{name: fact for name, fact in facts.items() if fact is not None}})
    try:
        yield
    finally:
        _facts.reset(token)


@attrs.frozen
class TraceParent:
    """The trace that a caller says its request belongs to, by the header ``traceparent`` of W3C Trace Context."""

    trace_id: str
    parent_id: str
    is_sampled: bool

    @classmethod
    def parse(cls, header: str | None) -> TraceParent | None:
        """Return what *header* says; ``None`` if it says nothing, or nothing that the recommendation allows."""
        found = _TRACEPARENT.match(header or "")
        if (
            found is None
            or not int(found[1], 16)
            or not int(found[2], 16)
            or ((header or "").startswith("00-") and found[4])
        ):
            return None
        return cls(found[1], found[2], bool(int(found[3], 16) & 1))
