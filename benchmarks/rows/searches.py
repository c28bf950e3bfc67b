"""Twenty deals by a word in their names, rare or common, for a salesperson and an administrator.

By hand it is an index of the names alone, without what makes hidden fields hidden, and the same visibility; the word
may be the beginning of one, as for crmkit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.figures import Figure, taking_turns
from benchmarks.handwritten.reading import Hand
from benchmarks.handwritten.searching import FOUND, finding, prepare
from benchmarks.harness import Comparison
from benchmarks.rows.viewers import Viewer, viewers
from benchmarks.world.opening import World
from benchmarks.world.trade.entities import Deal

__all__ = ["figures"]

_WORDS = {
    "rare word": "zeppelin",
    "common word": "press",
    "beginning of a word": "mig",
    "no such word": "nosuchword",
}


def figures(world: World) -> Iterator[Figure]:
    """Yield the figures of searches."""
    hand = Hand(world)
    salesperson, _manager, administrator = viewers(hand)
    for viewer in (salesperson, administrator):
        for name, word in _WORDS.items():
            measure = _measured(hand, viewer, word)
            yield Figure("search", f"{viewer.name}, {name}", measure, most=4.0, most_ms=100)


def _measured(hand: Hand, viewer: Viewer, word: str) -> Callable[[], Comparison]:
    def measure() -> Comparison:
        prepare(hand)
        theirs = finding(hand, viewer.eyes, word)
        return taking_turns(_ours(hand, viewer, word), theirs, _same(hand))()

    return measure


def _ours(hand: Hand, viewer: Viewer, word: str) -> Callable[[], Any]:
    crm, principal = hand.world.crm, hand.world.principal(viewer.member)

    def search() -> Any:
        with crm.read(principal) as db:
            return [hit.record for hit in db.search(word, entities=[Deal], limit=FOUND).hits]

    return search


def _same(hand: Hand) -> Callable[[Any, Any], bool]:
    def same(ours: Any, theirs: Any) -> bool:
        return [hand.id(record.id) for record in ours] == [row.id for row in theirs]

    return same
