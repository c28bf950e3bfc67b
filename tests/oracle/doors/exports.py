"""Doors of exports: whether somebody may export anything of an entity, and what then stands in the file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO

from crmkit.transfer.exporting import export as export_to
from tests.oracle.acts import CLASSES
from tests.oracle.doors.registry import Probe, Questioner, door
from tests.oracle.phrases import rule_text
from tests.oracle.terms import Denied

_FIELDS = {
    "trade.firm": ["id", "name", "city", "secret", "tax", "parent_id", "parent.secret", "parent.city"],
    "trade.deal": [
        "id", "name", "size", "colour", "owner_id", "owner.name", "firm.secret", "firm.name", "extra.points",
        "extra.hint", "custom.weight", "custom.mood", "custom.backer.secret", "custom.project.custom.motto",
    ],
    "trade.line": ["id", "note", "deal_id", "deal.name", "deal.size"],
    "trade.partner": ["id", "part", "firm.secret", "deal.custom.mood"],
    "trade.note": ["id", "body", "owner.name"],
    "custom.project": [
        "id", "name", "custom.budget", "custom.motto", "firm.secret", "firm.city", "custom.deal.name",
        "custom.deal.size",
    ],
}  # fmt: skip


def _check_may_export(q: Questioner, entity: str) -> None:
    if not any(g.gives(entity, "export") for role in q.world.roles_of(q.p) for g in role.grants):
        raise Denied("forbidden")


@door
def export(q: Questioner) -> Iterator[Probe]:
    entity = q.entity()
    yield Probe(f"export {entity}", lambda: _check_may_export(q, entity), lambda db: db.check_export(CLASSES[entity]))


@door
def exported(q: Questioner) -> Iterator[Probe]:
    entity = q.chance.one([*_FIELDS, "trade.deal", "custom.project"])
    fields = q.random.sample(_FIELDS[entity], q.random.randint(1, 3))
    where = q.chance.condition(entity) if q.chance.likely(30) else None
    text = rule_text(where) if where else None

    def want():
        _check_may_export(q, entity)
        for name in fields:
            q.world.check(q.p, entity, name)
        rows = [q.world.records[entity][id] for id in q.world.find(q.p, entity, where, ["id"])]
        mine = [row for row in rows if q.world.allowed(q.p, "export", entity, row)]
        return [[_text(q.world.value(entity, row, name, q.p)) for name in fields] for row in mine]

    def call(db):
        file = BytesIO()
        export_to(db, CLASSES[entity], file, where=text, fields=fields, order_by="id", format="jsonl")
        return file.getvalue().decode()

    def view(file):
        return [[_text(json.loads(line)[name]) for name in fields] for line in file.splitlines()]

    yield Probe(f"export of {fields} of {entity} where {text}", want, call, view)


def _text(value: object) -> str:
    return str(value)
