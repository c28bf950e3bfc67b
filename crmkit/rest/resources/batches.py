"""Many changes of one entity in one request: all or none of them, or each for itself.

Neighbours that do the same are done together, in the same few statements. Where they are refused, halves of them are
tried, until it is known which one it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any, Literal
from uuid import UUID

import attrs
import msgspec

from crmkit.core.entity import EntityInfo, Record
from crmkit.core.errors import CrmkitError
from crmkit.core.representing.reading import new_record, read_values
from crmkit.core.representing.records import represented
from crmkit.core.text import gettext as _
from crmkit.core.writing.writer import Writer
from crmkit.rest.calls import Call
from crmkit.rest.collections import entity_at
from crmkit.rest.described import array_of, object_of
from crmkit.rest.errors import BodyError, RefusedItemError
from crmkit.rest.openapi.operations import JSON_OBJECT, Operation, nullable
from crmkit.rest.problems import described, is_refusal
from crmkit.rest.queries import Shown
from crmkit.rest.replies import Reply, json_reply
from crmkit.rest.resources.addresses import COLLECTION, SHOWN, record_door, seen_records

__all__ = ["DOORS", "MOST_ITEMS"]

#: How many changes one request asks for at most: a writer on SQLite is not held for long.
MOST_ITEMS = 500


class _Change(msgspec.Struct, forbid_unknown_fields=True, tag_field="op"):
    """What is done to one record."""

    @property
    def alike(self) -> Any:
        """What neighbours share that are done together."""
        return type(self)


class _Create(_Change, tag="create"):
    values: dict[str, Any]


class _Existing(_Change):
    id: UUID
    version: int | None = None


class _Update(_Existing, tag="update", kw_only=True):
    values: dict[str, Any]


class _Delete(_Existing, tag="delete"):
    pass


class _Move(_Existing, tag="move", kw_only=True):
    stage: str
    reason: str | None = None
    note: str | None = None

    @property
    def alike(self) -> Any:
        return _Move, self.stage, self.reason, self.note


class _Transfer(_Existing, tag="transfer", kw_only=True):
    owner_id: UUID | None
    team_id: UUID | None = None

    @property
    def alike(self) -> Any:
        return _Transfer, self.owner_id, self.team_id


class _Batch(msgspec.Struct, forbid_unknown_fields=True):
    items: list[_Create | _Update | _Delete | _Move | _Transfer]
    mode: Literal["all", "each"] = "all"


@attrs.frozen
class _Item:
    """One change, and its place in the request."""

    place: int
    change: Any


def batch(call: Call) -> Reply:
    """Do what the body lists, all of it or each for itself, and return what became of each item."""
    given, shown = call.read(_Batch), Shown.of(call.arguments)
    if not 0 < len(given.items) <= MOST_ITEMS:
        raise BodyError(_("items: from 1 to {most} changes, got {number}"), most=MOST_ITEMS, number=len(given.items))

    def work(db: Writer) -> Reply:
        info = entity_at(db, call.parameters)
        shown.check(db, info)
        batch = _Doing(db, info, each=given.mode == "each")
        for run in _runs(given.items):
            batch.do(run)
        results = batch.results(shown)
        refused = sum("problem" in result for result in results)
        return json_reply({"results": results, "refused": refused}, 207 if given.mode == "each" else 200)

    return call.write(work)


def _runs(changes: Sequence[_Change]) -> Iterator[list[_Item]]:
    """Yield neighbours that are alike and concern different records."""
    items = [_Item(place, change) for place, change in enumerate(changes)]
    for _alike, group in groupby(items, lambda item: item.change.alike):
        run, seen = list[_Item](), set[UUID]()
        for item in group:
            id_ = getattr(item.change, "id", None)
            if id_ in seen:
                yield run
                run, seen = [], set()
            run.append(item)
            if id_ is not None:
                seen.add(id_)
        yield run


class _Doing:
    """What is done in one transaction. With *each*, what is refused is noted, and the others are done."""

    def __init__(self, db: Writer, info: EntityInfo, *, each: bool) -> None:
        self._db, self._info, self._each = db, info, each
        self._done: dict[int, Record | None] = {}
        self._status: dict[int, int] = {}
        self._refused: dict[int, CrmkitError] = {}

    def do(self, run: Sequence[_Item]) -> None:
        """Do *run*.

        Raises:
            RefusedItemError: an item is refused, and so are all.
        """
        work, status = _WORK[type(run[0].change)]
        try:
            with self._db.attempt():
                records = work(self._db, self._info, [item.change for item in run])
        except CrmkitError as error:
            # What is no fault of an item is none of the items': the database is gone, or others are in the way.
            if not is_refusal(error):
                raise
            self._find(run, error)
            return
        for item, record in zip(run, records, strict=True):
            self._done[item.place], self._status[item.place] = record, status

    def _find(self, run: Sequence[_Item], error: CrmkitError) -> None:
        if len(run) > 1:
            middle = len(run) // 2
            self.do(run[:middle])
            self.do(run[middle:])
            return
        if not self._each:
            raise RefusedItemError(run[0].place, error)
        self._refused[run[0].place] = error

    def results(self, shown: Shown) -> list[dict[str, Any]]:
        """Return what became of each item, in their order; the records are as the last change left them."""
        ids = [record.id for record in self._done.values() if record is not None]
        stored = self._db.get_many(self._info.cls, ids)
        kept = {place: stored.get(r.id, r) for place, r in self._done.items() if r is not None}
        objects = represented(self._db, list(kept.values()), fields=shown.fields, expand=shown.expand)
        bodies = dict(zip(kept, objects, strict=True))
        results = list[dict[str, Any]]()
        for place in range(len(self._done) + len(self._refused)):
            if place in self._refused:
                problem = described(self._refused[place], self._db.access.locale)
                results.append({"status": problem["status"], "problem": problem})
            else:
                results.append({"status": self._status[place], **_beside(bodies.get(place))})
        return results


def _beside(record: dict[str, Any] | None) -> dict[str, Any]:
    return {} if record is None else {"record": record}


_Records = Sequence[Record | None]


def _create(db: Writer, info: EntityInfo, changes: Sequence[_Create]) -> _Records:
    made = [new_record(info, read_values(db, info.cls, change.values)) for change in changes]
    created = db.create_many([record for record, _beside in made])
    further = [(record, beside) for record, (_new, beside) in zip(created, made, strict=True) if beside]
    changed = {record.id: record for record in db.update_many(further)} if further else {}
    return [changed.get(record.id, record) for record in created]


def _update(db: Writer, info: EntityInfo, changes: Sequence[_Update]) -> _Records:
    records = _stored(db, info, changes)
    values = [
        read_values(db, info.cls, change.values, over=record) for record, change in zip(records, changes, strict=True)
    ]
    return db.update_many(list(zip(records, values, strict=True)))


def _delete(db: Writer, info: EntityInfo, changes: Sequence[_Delete]) -> _Records:
    db.delete_many(_stored(db, info, changes))
    return [None] * len(changes)


def _move(db: Writer, info: EntityInfo, changes: Sequence[_Move]) -> _Records:
    first = changes[0]
    return db.move_many(_stored(db, info, changes), first.stage, reason=first.reason, note=first.note)


def _transfer(db: Writer, info: EntityInfo, changes: Sequence[_Transfer]) -> _Records:
    first = changes[0]
    return db.transfer_many(_stored(db, info, changes), first.owner_id, team=first.team_id)


def _stored(db: Writer, info: EntityInfo, changes: Sequence[Any]) -> list[Record]:
    return seen_records(db, info, [(change.id, change.version) for change in changes])


_WORK: dict[type[_Change], tuple[Callable[[Writer, EntityInfo, Sequence[Any]], _Records], int]] = {
    _Create: (_create, 201),
    _Update: (_update, 200),
    _Delete: (_delete, 204),
    _Move: (_move, 200),
    _Transfer: (_transfer, 200),
}

_ID = {"type": "string", "format": "uuid"}
_VERSION = {"type": ["integer", "null"], "description": "The version that was seen; without, any."}
_NEW, _PATCH = {"form": "new"}, {"form": "patch"}


def _item(op: str, needed: dict[str, Any], further: dict[str, Any]) -> dict[str, Any]:
    schema = object_of(op={"const": op}, **needed)
    return {**schema, "properties": {**schema["properties"], **further}, "additionalProperties": False}


_TEXT = {"type": ["string", "null"]}
_ITEMS = [
    _item("create", {"values": _NEW}, {}),
    _item("update", {"id": _ID, "values": _PATCH}, {"version": _VERSION}),
    _item("delete", {"id": _ID}, {"version": _VERSION}),
    _item("move", {"id": _ID, "stage": {"type": "string"}}, {"version": _VERSION, "reason": _TEXT, "note": _TEXT}),
    _item(
        "transfer",
        {"id": _ID, "owner_id": {**_ID, "type": ["string", "null"]}},
        {"version": _VERSION, "team_id": nullable(_ID)},
    ),
]
_BODY = {
    "type": "object",
    "properties": {
        "mode": {"enum": ["all", "each"], "default": "all"},
        "items": {"type": "array", "items": {"oneOf": _ITEMS}, "minItems": 1, "maxItems": MOST_ITEMS},
    },
    "required": ["items"],
    "additionalProperties": False,
}
_RESULT = {
    "type": "object",
    "properties": {"status": {"type": "integer"}, "record": {"form": "record"}, "problem": JSON_OBJECT},
    "required": ["status"],
}
_RESULTS = object_of(results=array_of(_RESULT), refused={"type": "integer"})
_BATCH = Operation(
    summary=_("Create, change, delete, move and give away many records"),
    body=_BODY,
    query=SHOWN,
    answers={200: _RESULTS, 207: _RESULTS},
)

DOORS = (record_door("batch", "POST", f"{COLLECTION}/batch", batch, _BATCH),)
