"""The door of likely duplicates: who else is like this, and whether there is somebody hidden."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from tests.oracle.acts import CLASSES
from tests.oracle.doors.reads import records, views
from tests.oracle.doors.registry import Probe, Questioner, door

_FIRM = "trade.firm"
# The groups of fields in which firms that are the same agree; those of the first identify.
_ALIKE = (("tax",), ("name", "city"))


def _is_like(one: dict[str, object], other: dict[str, object], group: tuple[str, ...]) -> bool:
    return all(one[name] is not None and one[name] == other[name] for name in group)


@door
def matches(q: Questioner) -> Iterator[Probe]:
    for _ in range(3):
        # Somebody enters what may be there, in parts, as a new record or as one that is there already.
        ids = sorted(q.world.records[_FIRM])
        values = {name: q.world.records[_FIRM][q.chance.one(ids)][name] for name in ("name", "city")}
        values["tax"] = q.world.records[_FIRM][q.chance.one(ids)]["tax"]
        id = q.chance.id_of(q.world, _FIRM) if q.chance.likely(50) else q.chance.new_id()

        def want(values=values, id=id):
            return alike(q, values, id)

        def call(db, values=values, id=id):
            return db.matches(CLASSES[_FIRM](id=id, **values))

        yield Probe(f"firms like {values}, but {id}", want, call, shown_alike)


def alike(q: Questioner, values: dict[str, Any], id: UUID) -> tuple[list[dict[str, Any]], bool]:
    """Return the firms that may be the same as one with *values* that is not *id*, and whether a hidden one is."""
    readable = q.world.readable(q.p, _FIRM)
    groups = [group for group in _ALIKE if readable.issuperset(group)]
    others = [row for row in q.world.records[_FIRM].values() if row["id"] != id and not row["deleted"]]
    found = [row for row in others if any(_is_like(row, values, group) for group in groups)]
    seen = sorted(row["id"] for row in found if q.world.visible(q.p, _FIRM, row["id"]))
    is_hidden = any(
        q.world.allowed(q.p, "see_duplicates", _FIRM, row)
        for row in others
        if not q.world.visible(q.p, _FIRM, row["id"])
        and any(_is_like(row, values, group) for group in groups if group == _ALIKE[0])
    )
    return records(q, _FIRM, seen), is_hidden


def shown_alike(found: Any) -> tuple[list[dict[str, Any]], bool]:
    """Return matches of crmkit in the form of :func:`alike`."""
    return views(sorted(found.records, key=lambda record: record.id)), found.is_hidden_one
