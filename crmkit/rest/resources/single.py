"""Single records: read, created, changed, deleted, and taken out of the bin."""

from __future__ import annotations

from uuid import UUID

from crmkit.core.errors import NotFoundError
from crmkit.core.reading.lists import as_id, is_called
from crmkit.core.representing.reading import new_record, read_values
from crmkit.core.text import gettext as _
from crmkit.core.writing.writer import Writer
from crmkit.rest.calls import Call
from crmkit.rest.collections import entity_at
from crmkit.rest.etags import is_known
from crmkit.rest.openapi.operations import Follows, Operation
from crmkit.rest.queries import EVERYTHING, Shown
from crmkit.rest.replies import Reply
from crmkit.rest.resources.addresses import (
    COLLECTION,
    IF_NONE_MATCH,
    MERGE_PATCH,
    RECORD,
    SHOWN,
    at_record,
    etag_in,
    record_door,
    record_reply,
    seen_record,
)

__all__ = ["DOORS"]


def get_record(call: Call) -> Reply:
    """Return one record; nothing but its ETag to who has it as it is."""
    shown = Shown.of(call.arguments) if call.query else EVERYTHING
    known = call.headers.get("if-none-match")
    with call.reading() as db:
        info, record = at_record(db, call)
        shown.check(db, info, credentials=True)
        # What stands behind relations has versions of its own, and so has what a merged record went into.
        is_itself = not shown.expand and is_called(info, record, call.parameters["record"])
        if known is not None and is_known(etag := etag_in(db, info, record), known) and is_itself:
            return Reply(304, headers={"etag": etag})
        return record_reply(db, info, record, shown)


def create_record(call: Call) -> Reply:
    """Create a record and return it."""

    def work(db: Writer) -> Reply:
        info = entity_at(db, call.parameters)
        record, beside = new_record(info, read_values(db, info.cls, call.json()))
        created = db.create(record)
        return record_reply(db, info, db.update(created, beside) if beside else created, status=201)

    return call.write(work)


def change_record(call: Call) -> Reply:
    """Change a record by a merge patch (RFC 7396) and return it."""

    def work(db: Writer) -> Reply:
        info, record = seen_record(db, call, required=True)
        values = read_values(db, info.cls, call.json(MERGE_PATCH), over=record)
        return record_reply(db, info, db.update(record, values))

    return call.write(work)


def delete_record(call: Call) -> Reply:
    """Put a record into the bin."""

    def work(db: Writer) -> Reply:
        _info, record = seen_record(db, call, required=True)
        db.delete(record)
        return Reply(204)

    return call.write(work)


def restore_record(call: Call) -> Reply:
    """Take a record out of the bin and return it."""

    def work(db: Writer) -> Reply:
        info = entity_at(db, call.parameters)
        return record_reply(db, info, db.restore(info.cls, _id(call, info.id)))

    return call.write(work)


def _id(call: Call, entity: str) -> UUID:
    reference = call.parameters["record"]
    id_ = as_id(reference)
    if id_ is None:
        raise NotFoundError(entity, reference)
    return id_


_GET = Operation(
    summary=_("Get a record"),
    query=(*SHOWN, IF_NONE_MATCH),
    answers={200: "record", 304: None},
    verb="read",
    follows=(
        Follows("create", 201, {"record": "$response.body#/id"}),
        Follows("list", 200, {"record": "$response.body#/items/0/id"}),
    ),
)
_CREATE = Operation(summary=_("Create a record"), body="new", answers={201: "record"}, verb="create")
_CHANGE = Operation(summary=_("Change a record"), body="patch", answers={200: "record"}, verb="update", sees="required")
_DELETE = Operation(summary=_("Put a record into the bin"), answers={204: None}, verb="delete", sees="required")
_RESTORE = Operation(
    summary=_("Take a record out of the bin"),
    answers={200: "record"},
    verb="delete",
    follows=(Follows("delete", 204, {"record": "$request.path.record"}),),
)

DOORS = (
    record_door("get", "GET", RECORD, get_record, _GET),
    record_door("create", "POST", COLLECTION, create_record, _CREATE),
    record_door("change", "PATCH", RECORD, change_record, _CHANGE),
    record_door("delete", "DELETE", RECORD, delete_record, _DELETE),
    record_door("restore", "POST", f"{RECORD}/restore", restore_record, _RESTORE),
)
