"""Two orders of the same members made one."""

from __future__ import annotations

from collections.abc import Sequence

from crmkit.core.shipped.trees import Order

__all__ = ["is_reordered", "woven"]


def is_reordered(base: Sequence[str], now: Sequence[str]) -> bool:
    """Return whether *now* has what it shares with *base* in another order."""
    return [key for key in base if key in set(now)] != [key for key in now if key in set(base)]


def woven(leading: Sequence[str], other: Sequence[str]) -> Order:
    """Return *leading*, with what only *other* has behind what precedes it there."""
    found = list(leading)
    for place, key in enumerate(other):
        if key not in found:
            found.insert(found.index(other[place - 1]) + 1 if place else 0, key)
    return Order(found)
