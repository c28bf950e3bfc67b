"""The door of groups and measures: what is counted and summed is what is visible, by fields that are readable."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from crmkit import average, count, greatest, least, total
from tests.oracle.acts import CLASSES
from tests.oracle.doors.registry import Probe, Questioner, door
from tests.oracle.phrases import rule_text

_GROUPS = {
    "trade.deal": ["colour", "stage", "owner_id", "team_id", "firm_id", "size", "due", "name", "area"],
    "trade.firm": ["city", "secret", "parent_id"],
    "trade.line": ["note", "deal_id", "firm_id"],
    "trade.note": ["body", "owner_id"],
    "trade.partner": ["part", "firm_id"],
    "custom.project": ["name", "owner_id", "firm_id", "custom.motto", "custom.budget", "custom.deal_id"],
    "core.user": ["team_id"],
    "core.team": ["parent_id"],
}
_GROUPS["trade.deal"] += ["extra.grade", "extra.points", "custom.mood", "custom.weight", "custom.backer_id"]
_MEASURED = {
    "trade.deal": ["size", "worth", "area", "extra.points", "custom.weight"],
    "trade.line": ["amount"],
    "custom.project": ["custom.budget"],
}


@door
def aggregate(q: Questioner) -> Iterator[Probe]:
    for _ in range(2):
        entity = q.chance.one([*_GROUPS, "trade.deal", "trade.deal", "trade.line"])
        groups = q.chance.some(_GROUPS[entity], 2)
        measured = q.chance.one(_MEASURED.get(entity, ["version"]))
        where = q.chance.condition(entity) if q.chance.likely(40) else None
        text = rule_text(where) if where else None

        def want(entity=entity, groups=groups, measured=measured, where=where):
            found = q.world.aggregate(q.p, entity, groups, measured, where)
            return {group: _measures(cells, measured) for group, cells in found.items()}

        def call(db, entity=entity, groups=groups, measured=measured, text=text):
            return db.aggregate(
                CLASSES[entity],
                group_by=groups,
                measures={
                    "rows": count(), "count": count(measured), "sum": total(measured), "mean": average(measured),
                    "least": least(measured), "most": greatest(measured),
                },
                where=text,
            )  # fmt: skip

        def view(rows, groups=groups):
            cells = ("rows", "count", "sum", "mean", "least", "most")
            found = {tuple(row[name] for name in groups): tuple(row[name] for name in cells) for row in rows}
            assert len(found) == len(rows), "a group occurs twice"
            return found

        yield Probe(f"aggregate {measured} of {entity} by {groups} where {text}", want, call, view)


def _measures(cells: list[Any], measured: str) -> tuple[Any, ...]:
    # Money is measured in the company's currency, and told with its digits.
    values = [Decimal(cell).scaleb(-2) if measured == "worth" else cell for cell in cells if cell is not None]
    if not values:
        return (len(cells), 0, None, None, None, None)
    return (len(cells), len(values), sum(values), Decimal(sum(values)) / len(values), min(values), max(values))
