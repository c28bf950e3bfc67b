"""Who is likely entered twice among all: pairs, and the groups that they make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Any, Literal
from uuid import UUID

import attrs

from crmkit import Reader, Record

from .. import matching
from .deciding import told_apart
from .duplicates import values_of
from .learning import learned_matches

__all__ = ["Method", "Pair", "clusters", "duplicate_pairs"]

#: By points that are set by hand, or by weights that Splink learns from the records themselves.
Method = Literal["points", "splink"]
_MOST_IN_BLOCK = 50


@attrs.frozen
class Pair:
    """Two records that are likely the same, with the points for it and what each field brings."""

    one: Record
    other: Record
    score: int
    agreements: tuple[matching.Agreement, ...]


def duplicate_pairs(
    db: Reader, entity: type[Record], least: int = matching.LIKELY, *, method: Method = "points"
) -> list[Pair]:
    """Return the pairs among all companies or contacts that the reader sees, the likeliest first.

    Only records that share a key are compared. A key that more than 50 records share tells nothing and is left out, and
    so are pairs that somebody decided not to be the same. The *method* ``"splink"`` learns from what the reader sees
    how much each field tells: points are then the probability in percent, and those of a field its weight in bits.

    Raises:
        MissingExtraError: the extra ``match`` is not installed.
        NotEnoughToLearnError: Splink finds too little that is alike to learn from.
    """
    records, values = list[Record](), list[dict[str, Any]]()
    for record in db.stream(entity, order_by="id", size=5000):
        records.append(record)
        values.append(values_of(record))
    keys = _telling_keys(entity, values, db.readable_fields(entity))
    compared = _compared if method == "points" else learned_matches
    apart = told_apart(db)
    likely = [
        Pair(records[one], records[other], score, agreements)
        for one, other, score, agreements in compared(entity.__entity__.id, values, keys)
        if score >= least and {records[one].id, records[other].id} not in apart
    ]
    return sorted(likely, key=lambda pair: (-pair.score, pair.one.id, pair.other.id))


def _telling_keys(entity: type[Record], values: list[dict[str, Any]], readable: frozenset[str]) -> list[set[str]]:
    """Return the keys of each record, without those that one record alone has, or too many."""
    (matcher,) = (each for each in matching.MATCHERS if each.id == entity.__entity__.id)
    keys = [matcher.of(each, readable) for each in values]
    held = Counter(key for each in keys for key in each)
    return [{key for key in each if 1 < held[key] <= _MOST_IN_BLOCK} for each in keys]


def _compared(entity: str, values: list[dict[str, Any]], keys: list[set[str]]) -> Iterator[matching.Found]:
    blocks: dict[str, list[int]] = {}
    for place, each in enumerate(keys):
        for key in each:
            blocks.setdefault(key, []).append(place)
    for one, other in {pair for block in blocks.values() for pair in combinations(block, 2)}:
        agreements = matching.compare(entity, values[one], values[other])
        yield one, other, matching.score(agreements), tuple(agreements)


def clusters(pairs: Iterable[Pair]) -> list[list[Record]]:
    """Return the groups of records that *pairs* connect, the largest first; in each the oldest first."""
    leader: dict[UUID, UUID] = {}
    records: dict[UUID, Record] = {}

    def find(id_: UUID) -> UUID:
        while leader.setdefault(id_, id_) != id_:
            leader[id_] = id_ = leader[leader[id_]]
        return id_

    for pair in pairs:
        records |= {pair.one.id: pair.one, pair.other.id: pair.other}
        first, second = sorted((find(pair.one.id), find(pair.other.id)))
        leader[second] = first
    groups: dict[UUID, list[Record]] = {}
    for id_ in sorted(records):
        groups.setdefault(find(id_), []).append(records[id_])
    return sorted(groups.values(), key=len, reverse=True)
