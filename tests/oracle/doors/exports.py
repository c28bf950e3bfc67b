"""Doors of exports: whether somebody may export anything of an entity, and what then stands in the file."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO, StringIO
from typing import Any

from crmkit.transfer.exporting import export as export_to
from tests.oracle.acts import CLASSES
from tests.oracle.doors.registry import Probe, Questioner, door, through
from tests.oracle.phrases import rule_text
from tests.oracle.terms import Denied
from tests.oracle.workbooks import cells, shown

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


@dataclass(frozen=True)
class Wish:
    """What somebody wants in a file."""

    entity: str
    fields: list[str]
    where: Any
    format: str

    @classmethod
    def drawn(cls, q: Questioner) -> Wish:
        """Return what chance wishes for."""
        entity = q.chance.one([*_FIELDS, "trade.deal", "custom.project"])
        fields = q.random.sample(_FIELDS[entity], q.random.randint(1, 3))
        where = q.chance.condition(entity) if q.chance.likely(30) else None
        format = q.chance.one(["jsonl", "csv", "xlsx"])
        if format == "xlsx" and "id" not in fields:
            # What reads a workbook passes over empty rows.
            fields = [*fields, "id"]
        return cls(entity, fields, where, format)

    @property
    def label(self) -> str:
        return f"{self.fields} of {self.entity} where {self._text} as {self.format}"

    @property
    def _text(self) -> str | None:
        return rule_text(self.where) if self.where else None

    def rows(self, q: Questioner) -> list[list[str]]:
        """Return what should stand in the file."""
        _check_may_export(q, self.entity)
        for name in self.fields:
            q.world.check(q.p, self.entity, name)
        rows = [q.world.records[self.entity][id] for id in q.world.find(q.p, self.entity, self.where, ["id"])]
        mine = [row for row in rows if q.world.allowed(q.p, "export", self.entity, row)]
        return [[_text(q.world.value(self.entity, row, name, q.p)) for name in self.fields] for row in mine]

    def written(self, export: Callable[..., Any]) -> bytes:
        """Return what *export* writes into the file."""
        file, how = BytesIO(), {"where": self._text, "fields": self.fields, "order_by": "id", "format": self.format}
        export(CLASSES[self.entity], file, **how)
        return file.getvalue()

    def read(self, file: bytes) -> list[list[str]]:
        """Return the rows of a file."""
        if self.format == "xlsx":
            return [[_text(cell) for cell in row] for row in cells(file)]
        text = file.decode("utf-8-sig")
        if self.format == "jsonl":
            return [[_text(json.loads(line)[name]) for name in self.fields] for line in text.splitlines()]
        return list(csv.reader(StringIO(text)))[1:]


@door
def exported(q: Questioner) -> Iterator[Probe]:
    wish = Wish.drawn(q)
    yield Probe(f"export of {wish.label}", lambda: wish.rows(q),
                lambda db: wish.written(partial(through, db, export_to)), wish.read, told=shown)  # fmt: skip


def _text(value: object) -> str:
    return "" if value is None else str(value)
