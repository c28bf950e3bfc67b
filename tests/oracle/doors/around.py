"""Doors to what is shown around a record: its sections and its time line, along every route that plugins name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

from tests.oracle.acts import stub
from tests.oracle.doors.flow import stages_of
from tests.oracle.doors.reads import found, records, told_of, told_of_crmkit, views
from tests.oracle.doors.registry import Probe, Questioner, door
from tests.oracle.terms import ANY, Denied
from tests.oracle.walking import pages_of

# A route is a relation, one behind another with a dot, or (entity between, near field, far relation).
Route = str | tuple[str, str, str]
_OF_DEALS: tuple[Route, ...] = ("firm", "backup", ("trade.partner", "deal_id", "firm"))
_OF_NOTES: tuple[Route, ...] = ("about", "about.firm")
HOSTS = [
    "trade.firm",
    "trade.firm",
    "trade.firm",
    "trade.deal",
    "trade.deal",
    "trade.line",
    "custom.project",
    "trade.note",
]


@dataclass(frozen=True)
class _Section:
    entity: str
    via: tuple[Route, ...]
    order: tuple[str, ...] = ()
    where: Any = None
    limit: int = 5
    fields: tuple[str, ...] = ()
    counted: dict[str, str] = field(default_factory=dict)
    summed: dict[str, str] = field(default_factory=dict)


# What the plugin declares, said a second time.
_SECTIONS = {
    "trade.deals": _Section(
        "trade.deal", _OF_DEALS, ("-size", "name"), limit=2, fields=("name", "size", "worth"),
        counted={"sized": "size"}, summed={"size": "size"},
    ),
    "trade.red": _Section("trade.deal", ("firm",), ("due",), ("==", "colour", "red")),
    "trade.lines": _Section("trade.line", ("deal", "deal.firm", "firm"), fields=("note",)),
    "trade.notes": _Section("trade.note", _OF_NOTES, ("body",), limit=3, counted={"owned": "owner_id"}),
}  # fmt: skip


def _leads(q: Questioner, entity: str, row: dict[str, Any], route: Route, host: tuple[str, UUID]) -> bool:
    """Return whether *route* leads from *row* to *host*, over fields and records that exist for the principal."""
    world = q.world
    if isinstance(route, tuple):
        between, near, far = route
        links = [world.records[between][id] for id in q.seen(between)] if near in world.readable(q.p, between) else []
        return any(link[near] == row["id"] and _leads(q, between, link, far, host) for link in links)
    relation, _dot, rest = route.partition(".")
    fields = world.entities[entity].fields
    name = next((n for n in (f"{relation}_id", relation) if n in fields and fields[n].to), None)
    if name is None or name not in world.readable(q.p, entity) or row[name] is None:
        return False
    to = row[name] if fields[name].to == ANY else (fields[name].to, row[name])
    if not rest:
        return bool(to == host)
    return world.visible(q.p, *to) and _leads(q, to[0], world.records[to[0]][to[1]], rest, host)


def _around(
    q: Questioner, entity: str, via: tuple[Route, ...], host: tuple[str, UUID], where: Any, order: list[str]
) -> list[UUID]:
    """Return the ids of what is visible of *entity* and belongs to *host*."""
    ids = q.world.find(q.p, entity, where, order)
    return [id for id in ids if any(_leads(q, entity, q.world.records[entity][id], route, host) for route in via)]


def _section(q: Questioner, section: _Section, host: tuple[str, UUID]) -> Any:
    readable = q.world.readable(q.p, section.entity)
    order = [key for key in section.order if key.removeprefix("-") in readable]
    try:
        ids = _around(q, section.entity, section.via, host, section.where, order)
    except Denied:
        # What narrows it is hidden, so that nobody may know what it holds of.
        return None
    rows = [q.world.records[section.entity][id] for id in ids]
    values = {n: sum(r[f] is not None for r in rows) for n, f in section.counted.items() if f in readable}
    for name, summed in section.summed.items():
        if summed in readable:
            some = [row[summed] for row in rows if row[summed] is not None]
            values[name] = sum(some) if some else None
    shown = tuple(name for name in section.fields if name in readable)
    return (records(q, section.entity, ids[: section.limit]), len(ids), shown, values) if ids else None


@door
def sections(q: Questioner) -> Iterator[Probe]:
    entity = q.chance.one(HOSTS)
    for id in dict.fromkeys([*q.ids(entity, 1), *q.chance.some(q.seen(entity), 4)]):
        yield Probe(f"sections of {entity} {id}", lambda id=id: sections_of(q, entity, id),
                    lambda db, id=id: db.sections(stub(entity, id)), shown_sections)  # fmt: skip


def sections_of(q: Questioner, entity: str, id: UUID) -> dict[str, Any]:
    """Return what plugins show with a record, as it should be."""
    host = (entity, found(q, entity, id))
    made = {name: _section(q, section, host) for name, section in _SECTIONS.items()}
    return {name: some for name, some in made.items() if some}


def shown_sections(lists: Iterable[Any]) -> dict[str, Any]:
    """Return sections of crmkit in the form of :func:`sections_of`."""
    return {each.section.id: (views(each.records), each.count, each.fields, dict(each.measures))
            for each in lists if each.count}  # fmt: skip


@door
def timeline(q: Questioner) -> Iterator[Probe]:
    entity = q.chance.one(HOSTS)
    for id in dict.fromkeys([*q.ids(entity, 1), *q.chance.some(q.seen(entity), 2)]):
        limit = q.chance.one([1, 2, 3, 50])

        def call(db, id=id, limit=limit):
            pages = pages_of(lambda after: db.timeline(stub(entity, id), limit=limit, after=after))
            return [entry for page in pages for entry in page.entries]

        yield Probe(f"time line of {entity} {id}, by {limit}", lambda id=id: line_of(q, entity, id), call, shown_line)


def shown_line(entries: list[Any]) -> Any:
    """Return the time line of crmkit in the form of :func:`line_of`."""
    assert all(one.at >= other.at for one, other in pairwise(entries)), "the newest comes first"
    changes = [each.change for each in entries if each.kind == "change"]
    moves = [(each.at, each.visit.stage, *views([each.record])) for each in entries if each.kind == "move"]
    written = [(each.at, *views([each.record])) for each in entries if each.kind == "record"]
    return [(e.kind, told_of_crmkit(e.changes)) for e in changes], _in_order(moves), _in_order(written)


def line_of(q: Questioner, entity: str, id: UUID) -> Any:
    """Return the time line of a record as it should be."""
    host = (entity, found(q, entity, id))
    readable = q.world.readable(q.p, entity)
    changes = [(kind, told_of(kind, changes, readable)) for kind, changes in reversed(q.world.history[host])]
    moves, written = list[Any](), list[Any]()
    if {"stage", "stage_entered_at"} <= q.world.readable(q.p, "trade.deal"):
        for deal in _around(q, "trade.deal", _OF_DEALS, host, None, []):
            stays: list[tuple[datetime, str]] = stages_of(q.world.past["trade.deal", deal])
            moves += [(at, stage, *records(q, "trade.deal", [deal])) for at, stage in stays]
    if "created_at" in q.world.readable(q.p, "trade.note"):
        for note in _around(q, "trade.note", _OF_NOTES, host, None, []):
            written.append((q.world.past["trade.note", note][0][0], *records(q, "trade.note", [note])))
    return changes, _in_order(moves), _in_order(written)


def _in_order(entries: list[Any]) -> list[str]:
    return sorted(str([at, *rest, sorted(record.items(), key=str)]) for at, *rest, record in entries)
