"""The door to what was written, in the order of commits: every write of what is seen, and nothing of anything else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any
from uuid import UUID

from tests.oracle.acts import CLASSES
from tests.oracle.doors.reads import told_of
from tests.oracle.doors.registry import Probe, Questioner, door
from tests.oracle.phrases import UNFORESEEN
from tests.oracle.terms import Denied

Told = tuple[str, tuple[str, ...], tuple[str, ...]]
_DEAL, _BIG = "trade.deal", (">=", "size", 5)


@door
def events(q: Questioner) -> Iterator[Probe]:
    limit = q.chance.one([1, 7, 100, 1000])

    def call(db):
        position, told = 0, list[Any]()
        while (page := db.events(after=position, limit=limit)).position > position:
            assert all(position < each.position <= page.position for each in page.events)
            position, told = page.position, [*told, *page.events]
        assert db.events().position == position
        return told

    yield Probe(f"events, {limit} at a time", lambda: told_to(q), call, shown_events)


def told_to(q: Questioner) -> dict[str, list[Told]]:
    """Return what the principal may know of each record."""
    return {name: told for name, (_entity, _id, _is_live, told) in told_events(q).items()}


def shown_events(told: Sequence[Any]) -> dict[str, list[Told]]:
    """Return events of crmkit in the form of :func:`told_to`."""
    assert all(one.position < other.position and one.at <= other.at for one, other in pairwise(told))
    found = defaultdict[str, list[Told]](list)
    for each in told:
        if each.entity in CLASSES:
            names = tuple(name for name in each.changed if name not in UNFORESEEN)
            found[f"{each.entity} {each.record_id}"].append((each.kind, names, each.events))
    return dict(found)


def told_events(q: Questioner) -> dict[str, tuple[str, UUID, bool, list[Told]]]:
    """Return what the principal may know of each record: its entity and id, whether it is live, and its writes."""
    big = _big(q)
    seen = {
        entity: {**dict.fromkeys(q.seen(entity), True), **dict.fromkeys(q.world.find(q.p, entity, deleted=True), False)}
        for entity in CLASSES
    }
    return {
        f"{entity} {id}": (entity, id, is_live, [_told(q, entity, kind, changes, id in big) for kind, changes in past])
        for entity, ids in seen.items()
        for id, is_live in ids.items()
        if (past := q.world.history.get((entity, id)))
    }


def _told(q: Questioner, entity: str, kind: str, changes: dict[str, Any], is_big: bool) -> Told:
    names = tuple(sorted(told_of(kind, changes, q.world.readable(q.p, entity))))
    told = ()
    if entity == _DEAL and {"size", "worth"} & set(names):
        told += ("trade.resized",)
    if entity == _DEAL and kind in ("create", "update") and is_big:
        told += ("trade.big",)
    return kind, names, told


def _big(q: Questioner) -> set[UUID]:
    """Return the deals that are big, if that may be asked at all."""
    try:
        return {*q.world.find(q.p, _DEAL, _BIG), *q.world.find(q.p, _DEAL, _BIG, deleted=True)}
    except Denied:
        return set()
