"""Several records made one, and a merged record made one of its own again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import attrs
import msgspec

from crmkit.core.entity import EntityInfo, Record
from crmkit.core.merging.preview import MergePlan
from crmkit.core.representing.plain import plain
from crmkit.core.representing.reading import read_values
from crmkit.core.representing.records import represent
from crmkit.core.text import gettext as _, translate
from crmkit.core.writing.writer import Writer
from crmkit.rest.calls import Call
from crmkit.rest.collections import entity_at
from crmkit.rest.openapi.operations import JSON_OBJECT, Follows, Operation
from crmkit.rest.problems import described
from crmkit.rest.replies import Reply, json_reply
from crmkit.rest.resources.addresses import RECORD, record_door, record_reply, seen_record, seen_records

__all__ = ["DOORS", "Merge"]


class Merge(msgspec.Struct, forbid_unknown_fields=True):
    """Which records are to become part of another one, and what of theirs or which other values it gets.

    The *versions* of the losers are those that were seen; of one that is not named, any will do.
    """

    losers: list[UUID]
    versions: dict[UUID, int] = {}
    choose: dict[str, UUID] = {}
    values: dict[str, Any] = {}


def merge_records(call: Call) -> Reply:
    """Make records one and return it."""
    asked = call.read(Merge)

    def work(db: Writer) -> Reply:
        info, winner, losers, values = _chosen(db, call, asked)
        return record_reply(db, info, db.merge(winner, losers, choose=asked.choose, values=values))

    return call.write(work)


def preview_merge(call: Call) -> Reply:
    """Return what a merge would do, without doing it."""
    asked = call.read(Merge)

    def work(db: Writer) -> Reply:
        _info, winner, losers, values = _chosen(db, call, asked)
        return json_reply(_told(db, db.merge_preview(winner, losers, choose=asked.choose, values=values)))

    return call.write(work)


def unmerge_record(call: Call) -> Reply:
    """Make a merged record one of its own again; return it, and what was left as it is."""

    def work(db: Writer) -> Reply:
        info = entity_at(db, call.parameters)
        undone = db.unmerge(info.cls, call.parameters["record"])
        left = [{**attrs.asdict(each), "reason": translate(each.reason, call.locale)} for each in undone.left]
        return json_reply({"record": represent(db, [undone.record])[0], "left": left})

    return call.write(work)


def _chosen(db: Writer, call: Call, asked: Merge) -> tuple[EntityInfo, Record, list[Any], dict[str, Any]]:
    info, winner = seen_record(db, call)
    losers = seen_records(db, info, [(loser, asked.versions.get(loser)) for loser in asked.losers])
    return info, winner, losers, read_values(db, info.cls, asked.values, over=winner)


def _told(db: Writer, plan: MergePlan) -> dict[str, Any]:
    winner, *losers = represent(db, [plan.winner, *plan.losers])
    told = {"fields": plan.fields, "repointed": plan.repointed, "external_ids": plan.external_ids}
    refusal = None if plan.refusal is None else described(plan.refusal, db.access.locale)
    return {"winner": winner, "losers": losers, **plain(told), "refusal": refusal}


_RECORD = {"form": "record"}
_PLAN: dict[str, Any] = {
    "type": "object",
    "properties": {
        "winner": _RECORD,
        "losers": {"type": "array", "items": _RECORD},
        "fields": {"type": "array", "items": JSON_OBJECT},
        "repointed": {"type": "array", "items": JSON_OBJECT},
        "external_ids": {"type": "integer"},
        "refusal": {"type": ["object", "null"]},
    },
    "required": ["winner", "losers", "fields", "repointed", "external_ids", "refusal"],
}
_APART: dict[str, Any] = {
    "type": "object",
    "properties": {"record": _RECORD, "left": {"type": "array", "items": JSON_OBJECT}},
    "required": ["record", "left"],
}
_MERGE = Operation(summary=_("Make records one"), body=Merge, answers={200: "record"}, verb="delete", sees="optional")
_PREVIEW = Operation(
    summary=_("See what making records one would do"), body=Merge, answers={200: _PLAN}, verb="delete", sees="optional"
)
_UNMERGE = Operation(
    summary=_("Make a merged record one of its own again"),
    answers={200: _APART},
    verb="delete",
    follows=(Follows("merge", 200, {"record": "$request.body#/losers/0"}),),
)

DOORS = (
    record_door("merge", "POST", f"{RECORD}/merge", merge_records, _MERGE),
    record_door("preview merge", "POST", f"{RECORD}/merge/preview", preview_merge, _PREVIEW),
    record_door("unmerge", "POST", f"{RECORD}/unmerge", unmerge_record, _UNMERGE),
)
