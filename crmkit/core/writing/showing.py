"""Showing writes to hooks: what they see is what is written, and they change nothing of it but by ``Write.set``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from types import MappingProxyType
from typing import Any

from crmkit.core.writing.changes import Write
from crmkit.core.writing.shapes import shape_of

__all__ = ["shown"]

# Past what refuses hooks to do so, and quicker.
_put = object.__setattr__


@contextmanager
def shown(writes: Sequence[Write]) -> Iterator[None]:
    """Let nobody change *writes* inside the block but by ``set``."""
    own = [(write.values, write.stored, write.details) for write in writes]
    for write in writes:
        _show(write)
    try:
        yield
    finally:
        for write, (values, stored, details) in zip(writes, own, strict=True):
            _put(write, "values", values)
            _put(write, "stored", stored)
            _put(write, "details", details)
            _put(write, "open_", None)


def _show(write: Write) -> None:
    values, mutable = write.values, shape_of(write.entity).mutable
    seen = _copied(values, mutable) if mutable else values
    stored = _copied(write.stored, mutable) if mutable else write.stored
    _put(write, "values", MappingProxyType(seen))
    _put(write, "stored", MappingProxyType(stored))
    _put(write, "details", MappingProxyType(write.details))
    _put(write, "open_", (values,) if seen is values else (values, seen))


def _copied(values: Mapping[str, Any], mutable: Sequence[str]) -> Any:
    """Return *values* with copies of what is a list or a dict: nothing keeps a hook from adding to one."""
    return {**values, **{name: deepcopy(values[name]) for name in mutable if name in values}}
