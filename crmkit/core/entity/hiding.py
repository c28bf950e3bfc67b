"""Computed fields that a record does not show: a hidden stored field has no value, but these could be worked out."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

__all__ = ["Hiding", "hidden_computed", "is_hidden", "set_hidden"]


class Hiding:
    """A base of records with room for the names of the computed fields that its reader may not read."""

    __slots__ = ("_hidden",)


_slot: Any = vars(Hiding)["_hidden"]
# Past the record's being frozen.
set_hidden = _slot.__set__


def is_hidden(record: Any, name: str) -> bool:
    """Return whether *record* hides its computed field *name*."""
    try:
        return name in _slot.__get__(record)
    except (AttributeError, TypeError):
        # Nobody has read it yet, or it is no record.
        return False


def hidden_computed(computed: Collection[str], readable: Collection[str], prefix: str = "") -> frozenset[str]:
    """Return the *computed* fields that are not *readable*, where they stand behind *prefix*."""
    return frozenset(name for name in computed if prefix + name not in readable)
