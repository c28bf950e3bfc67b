"""Declaring by what records that may be the same are found: keys, kept beside the records and looked up by equality."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs

__all__ = ["MatchKey", "Matcher"]


@attrs.frozen
class MatchKey:
    """What records that are the same agree in: *make* returns the keys of the values of the fields in *needs*.

    A key is text of at most 160 characters. Who may not read one of the fields is never answered by it. A key that
    *identifies* is enough by itself to say that somebody is known already, such as an e-mail address.
    """

    name: str
    needs: tuple[str, ...]
    make: Callable[[Mapping[str, Any]], Iterable[str]]
    identifies: bool = False

    def of(self, values: Mapping[str, Any]) -> Iterator[str]:
        """Yield the keys of *values* as they are kept: with the name before them."""
        for key in self.make(values):
            yield f"{self.name}:{key}"[:200]


def _keys(given: Iterable[MatchKey]) -> tuple[MatchKey, ...]:
    return tuple(given)


@attrs.frozen
class Matcher:
    """The keys by which records of the entity *id* are matched. The plugin of the entity registers it.

    *points* says by the values of two records that share a key how likely they are the same, from 0 to 100; without it
    sharing a key is enough.
    """

    id: str
    keys: tuple[MatchKey, ...] = attrs.field(converter=_keys)
    points: Callable[[Mapping[str, Any], Mapping[str, Any]], int] | None = None

    @property
    def needs(self) -> frozenset[str]:
        """The fields that decide the keys."""
        return frozenset(name for key in self.keys for name in key.needs)

    def score(self, one: Mapping[str, Any], other: Mapping[str, Any]) -> int:
        """Return how likely two records that share a key are the same: points of 100."""
        return 100 if self.points is None else self.points(one, other)

    def of(self, values: Mapping[str, Any], readable: frozenset[str] | None = None) -> set[str]:
        """Return the keys of *values*, or only those that depend on nothing but fields in *readable*."""
        usable = (key for key in self.keys if readable is None or readable.issuperset(key.needs))
        return {made for key in usable for made in key.of(values)}
