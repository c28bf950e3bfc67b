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
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@contextmanager
def shown(writes: Sequence[Write]) -> Iterator[None]:
    """Let nobody change *writes* inside the block but by ``set``."""
    # Lists, and no container for each write: a hundred thousand would keep the garbage collector busy.
    own = [w.values for w in writes], [w.stored for w in writes], [w.details for w in writes]
    for write in writes:
        _show(write)
    try:
        yield
    finally:
        for write, values, stored, details in zip(writes, *own, strict=True):
            _put(write, "values", values)
            _put(write, "stored", stored)
            _put(write, "details", details)
            _put(write, "open_", None)


def _show(write: Write) -> None:
    values, mutable = write.values, shape_of(write.entity).mutable
    seen, stored = _seen(values, mutable), _seen(write.stored, mutable)
    # A proxy of its own also where nothing is in it yet: what is set has to show.
    _put(write, "values", seen if type(seen) is MappingProxyType else MappingProxyType(seen))
    _put(write, "stored", _sealed(stored))
    _put(write, "details", _sealed(write.details))
    _put(write, "open_", values if seen is values else (values, seen))


def _sealed(values: Any) -> Any:
    return MappingProxyType(values) if values else _NOTHING


def _seen(values: Mapping[str, Any], mutable: Sequence[str]) -> Any:
    """Return *values*, with copies of what is a list or a dict: nothing keeps a hook from adding to one."""
    names = (*mutable, "custom") if values.get("custom") else mutable
    return {**values, **{name: deepcopy(values[name]) for name in names if name in values}} if names else values
