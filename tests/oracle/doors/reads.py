"""Doors of the reader that return records: lists, pages, streams, single records, relations, extensions, history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

from tests.oracle.acts import CLASSES, EXTENSION, stub
from tests.oracle.doors.registry import Probe, Questioner, door
from tests.oracle.phrases import UNFORESEEN, expected, rule_text, snapshot
from tests.oracle.terms import Denied
from tests.oracle.walking import pages_of

_NOT_IN_HISTORY = {"id", "version", "created_by", *UNFORESEEN}


def records(q: Questioner, entity: str, ids: Iterable[UUID]) -> list[dict[str, Any]]:
    """Return the records with *ids* as the principal reads them."""
    return [expected(q.world.read(q.p, entity, id)) for id in ids]


def found(q: Questioner, entity: str, id: UUID) -> UUID:
    """Return the record that *id* leads the principal to: a merged one leads to what it went into.

    Raises:
        Denied: the principal sees neither.
    """
    led_to: UUID | None = q.world.led_to(q.p, entity, id)
    if led_to is None:
        raise Denied("not-found")
    return led_to


def views(found: Iterable[Any]) -> list[dict[str, Any]]:
    """Return records of crmkit in the form of :func:`records`."""
    return [snapshot(record) for record in found]


def by_id(found: dict[UUID, Any]) -> list[Any]:
    """Return what was found by id, in one order."""
    return sorted(found.items(), key=lambda pair: pair[0])


def _where(q: Questioner, entity: str) -> tuple[Any, str | None]:
    condition = q.chance.condition(entity) if q.chance.likely(70) else None
    return condition, rule_text(condition) if condition else None


@door
def everything(q: Questioner) -> Iterator[Probe]:
    yield Probe(
        "everything",
        lambda: {entity: records(q, entity, q.seen(entity)) for entity in CLASSES},
        lambda db: {entity: db.find(cls) for entity, cls in CLASSES.items()},
        lambda found: {entity: views(some) for entity, some in found.items()},
    )


@door
def find(q: Questioner) -> Iterator[Probe]:
    for _ in range(3):
        entity = q.entity()
        (where, text), order = _where(q, entity), q.chance.order(entity)
        limit = q.chance.one([None, 1, 2, 3, 5, 50])

        def want(entity=entity, where=where, order=order, limit=limit):
            return records(q, entity, q.world.find(q.p, entity, where, order)[:limit])

        def call(db, entity=entity, text=text, order=order, limit=limit):
            return db.find(CLASSES[entity], text, order_by=order, limit=limit)

        yield Probe(f"find {entity} where {text} order {order} limit {limit}", want, call, views)


@door
def find_deleted(q: Questioner) -> Iterator[Probe]:
    with_bin = [entity for entity in CLASSES if any(row["deleted"] for row in q.world.records[entity].values())]
    entity = q.chance.one(with_bin or [*CLASSES])
    (where, text), order = _where(q, entity), q.chance.order(entity)
    yield Probe(
        f"find deleted {entity} where {text} order {order}",
        lambda: records(q, entity, q.world.find(q.p, entity, where, order, deleted=True)),
        lambda db: db.find(CLASSES[entity], text, order_by=order, deleted=True),
        views,
    )


@door
def pages(q: Questioner) -> Iterator[Probe]:
    entity = q.entity()
    (where, text), order, size = _where(q, entity), q.chance.order(entity), q.chance.one([1, 2, 3])

    def walk(db):
        pages = pages_of(lambda after: db.page(CLASSES[entity], text, order_by=order, limit=size, after=after))
        told = [(page.records, page.next) for page in pages]
        return [record for records, _next in told for record in records], [next for _records, next in told]

    yield Probe(
        f"pages of {size} {entity} where {text} order {order}",
        lambda: records(q, entity, q.world.find(q.p, entity, where, order)),
        walk,
        lambda answer: views(answer[0]),
    )


@door
def stream(q: Questioner) -> Iterator[Probe]:
    entity = q.entity()
    (where, text), order = _where(q, entity), q.chance.order(entity)
    yield Probe(
        f"stream {entity} where {text} order {order}",
        lambda: records(q, entity, q.world.find(q.p, entity, where, order)),
        lambda db: list(db.stream(CLASSES[entity], text, order_by=order, size=2)),
        views,
    )


@door
def get(q: Questioner) -> Iterator[Probe]:
    entity = q.entity()
    for id in q.ids(entity, 4):

        def want(id=id):
            return records(q, entity, [found(q, entity, id)])

        reference: Any = str(id) if q.chance.likely(30) else id
        yield Probe(f"get {entity} {id}", want, lambda db, ref=reference: [db.get(CLASSES[entity], ref)], views)


@door
def get_by_number(q: Questioner) -> Iterator[Probe]:
    for id in dict.fromkeys([*q.ids("trade.deal", 1), *q.seen("trade.deal")[:1]]):
        number = q.play.numbers.get(id, "D-999999")

        def want(id=id):
            if "code" not in q.world.readable(q.p, "trade.deal"):
                raise Denied("not-found")
            return records(q, "trade.deal", [found(q, "trade.deal", id)])

        yield Probe(f"get trade.deal {number}", want, lambda db, n=number: [db.get(CLASSES["trade.deal"], n)], views)


@door
def get_many(q: Questioner) -> Iterator[Probe]:
    entity = q.entity()
    ids = q.ids(entity, 6)
    yield Probe(
        f"get_many {entity} {ids}",
        lambda: {id: records(q, entity, [id]) for id in ids if q.world.visible(q.p, entity, id)},
        lambda db: db.get_many(CLASSES[entity], ids),
        lambda found: {id: views([record]) for id, record in found.items()},
        told=by_id,
    )


@door
def count(q: Questioner) -> Iterator[Probe]:
    for _ in range(2):
        entity = q.entity()
        where, text = _where(q, entity)
        yield Probe(
            f"count {entity} where {text}",
            lambda entity=entity, where=where: len(q.world.find(q.p, entity, where)),
            lambda db, entity=entity, text=text: db.count(CLASSES[entity], text),
        )


@door
def expand(q: Questioner) -> Iterator[Probe]:
    entity, relation, to = q.chance.one(_RELATIONS)
    ids = q.seen(entity)[:6]

    is_link = relation in q.world.entities[entity].links

    def want():
        if not all(q.world.visible(q.p, entity, id) for id in ids):
            raise Denied("not-found")
        found = q.world.expand(q.p, entity, ids, relation) if ids else {}
        if is_link:
            return {near: _unordered(records(q, to, far)) for near, far in found.items()}
        return {id: records(q, to, [id]) for id in found}

    yield Probe(
        f"expand {relation} of {entity} {ids}",
        want,
        lambda db: db.expand([db.get(CLASSES[entity], id) for id in ids], relation),
        lambda found: {id: _unordered(views(some)) if is_link else views([some]) for id, some in found.items()},
        told=by_id,
        several=True,
    )


def _unordered(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(str(sorted(row.items(), key=str)) for row in rows)


_RELATIONS = [
    ("trade.deal", "firm", "trade.firm"), ("trade.deal", "backup", "trade.firm"), ("trade.deal", "owner", "core.user"),
    ("trade.deal", "team", "core.team"), ("trade.deal", "partners", "trade.firm"),
    ("trade.deal", "partners", "trade.firm"),
    ("trade.line", "deal", "trade.deal"), ("trade.firm", "parent", "trade.firm"), ("trade.line", "firm", "trade.firm"),
    ("trade.note", "owner", "core.user"), ("custom.project", "firm", "trade.firm"),
    ("custom.project", "owner", "core.user"),
]  # fmt: skip


@door
def extensions(q: Questioner) -> Iterator[Probe]:
    ids = q.ids("trade.deal", 3) if q.chance.likely(30) else q.seen("trade.deal")[:6]

    def want(ids=ids):
        if not all(q.world.visible(q.p, "trade.deal", id) for id in ids):
            raise Denied("not-found")
        return {id: expected(q.world.read(q.p, "trade.deal", id), "extra.") for id in ids}

    yield Probe(
        f"extensions of {ids}",
        want,
        lambda db: db.extensions(EXTENSION, [stub("trade.deal", id) for id in ids]),
        lambda found: {id: snapshot(extra, "extra.") for id, extra in found.items()},
        told=by_id,
        several=True,
    )
    for first in ids[:1]:
        yield Probe(
            f"extension of {first}",
            lambda first=first: want([first])[first],
            lambda db, first=first: EXTENSION.of(db, stub("trade.deal", first)),
            lambda extra: snapshot(extra, "extra."),
        )


@door
def history(q: Questioner) -> Iterator[Probe]:
    entity = q.entity()
    for id in dict.fromkeys([*q.ids(entity, 2), *q.seen(entity)[:3]]):

        def want(id=id):
            readable, told = q.world.readable(q.p, entity), q.world.history[entity, found(q, entity, id)]
            return [(kind, told_of(kind, changes, readable), set()) for kind, changes in told]

        def view(entries):
            readable = q.world.readable(q.p, entity)
            return [(e.kind, told_of_crmkit(e.changes), set(e.changes) - readable) for e in entries]

        yield Probe(f"history of {entity} {id}", want, lambda db, id=id: db.history(stub(entity, id)), view)


def told_of(kind: str, changes: dict[str, tuple[Any, Any]], readable: set[str]) -> dict[str, tuple[str, str]]:
    """Return the changes that a history tells, as text. A new record has nothing of extensions yet."""
    names = [
        n for n in changes if n in readable - _NOT_IN_HISTORY and not (kind == "create" and n.startswith("extra."))
    ]
    return {n: (_text(changes[n][0]), _text(changes[n][1])) for n in names}


def told_of_crmkit(changes: Any) -> dict[str, tuple[str, str]]:
    return {n: (_text(old), _text(new)) for n, (old, new) in changes.items() if n not in UNFORESEEN}


def _text(value: Any) -> str:
    match value:
        case {"amount": amount, "currency": currency}:
            return f"{int(Decimal(amount) * 100)} {currency}"
        case (int() as minor, str() as currency, int()):
            return f"{minor} {currency}"
        case {"entity": entity, "id": id} | (str() as entity, UUID() as id):
            return f"{entity} {id}"
    return str(value)
