"""Doors of lists in the words of the API: some fields of each record, and conditions in the simple form."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import reduce
from typing import Any
from uuid import UUID

from tests.oracle.acts import CLASSES
from tests.oracle.doors.reads import records, views
from tests.oracle.doors.registry import Probe, Questioner, exists
from tests.oracle.doors.rest.lending import http_door
from tests.oracle.phrases import UNFORESEEN, plain, rule_text
from tests.oracle.terms import ME, MY_TEAM, Denied
from tests.oracle.worlds import CONDITIONS


@http_door
def fields(q: Questioner) -> Iterator[Probe]:
    entity = q.entity()
    known = {*q.world.entities[entity].fields, *q.world.entities[entity].computed} - UNFORESEEN
    names = q.random.sample(sorted(known), 3)

    def want():
        if exists(q, entity) and not set(names) <= q.world.readable(q.p, entity):
            raise Denied("unknown-field")
        rows = [q.world.read(q.p, entity, id) for id in q.seen(entity)]
        return [{name: row[name] for name in {"id", *names}} for row in rows]

    def view(found):
        return [{name: plain(value) for name, value in each.values.items() if name != "custom"} for each in found]

    yield Probe(f"{names} of {entity}", want, lambda db: db.some_fields(CLASSES[entity], names), view)


_NOBODY = UUID(int=0)
_SIMPLE = {"==": "", "<": "__lt", "<=": "__lte", ">": "__gt", ">=": "__gte", "in": "__in", "contains": "__contains"}


@http_door
def simple_conditions(q: Questioner) -> Iterator[Probe]:
    for _ in range(2):
        entity = q.entity()
        drawn = q.random.sample([each for each in CONDITIONS[entity] if _is_simple(each)], q.chance.one([1, 1, 2]))
        where = drawn[0] if len(drawn) == 1 else ("and", *drawn)
        conditions = reduce(lambda found, each: found + _simple(q, each), drawn, list[tuple[str, str]]())

        def want(entity=entity, where=where):
            ids = q.world.find(q.p, entity, where)
            return records(q, entity, ids), len(ids)

        def call(db, entity=entity, where=where, conditions=conditions):
            return db.simply(CLASSES[entity], conditions, rule_text(where))

        yield Probe(f"{entity} where {conditions}", want, call, lambda found: (views(found[0]), found[1]))


def _is_simple(condition: Any) -> bool:
    return not (condition[0] == "not" and condition[1][0] == "in")


def _simple(q: Questioner, condition: Any) -> list[tuple[str, str]]:
    """Return a condition of the model, which is no "and" or "or", as parameters of a query."""
    match condition:
        case ("not", ("==", path, value)):
            return [(f"{path}__ne", _text(q, path, value))]
        case ("not", ("null", path)):
            return [(f"{path}__isnull", "false")]
        case ("null", path):
            return [(f"{path}__isnull", "true")]
        case ("in", path, values):
            return [(f"{path}__in", ",".join(_text(q, path, value) for value in values))]
    op, path, value = condition
    return [(f"{path}{_SIMPLE[op]}", _text(q, path, value))]


def _text(q: Questioner, path: str, value: Any) -> str:
    match value:
        case tuple() if value in (ME, MY_TEAM):
            # Whoever has no team is in none that there is.
            return str(q.p if value == ME else q.world.home(q.p) or _NOBODY)
        case bool():
            return str(value).lower()
        case int() if path.endswith("worth"):
            return f"{Decimal(value) / 100:.2f}"
        case date():
            return value.isoformat()
    return str(value)
