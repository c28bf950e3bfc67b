"""Single records: read, created, changed, deleted, and taken out of the bin."""

from __future__ import annotations

from uuid import UUID

from crmkit.core.errors import NotFoundError
from crmkit.core.reading.lists import as_id
from crmkit.core.representing.reading import new_record, read_values
from crmkit.core.text import gettext as _
from crmkit.core.writing.writer import Writer
from crmkit.rest.calls import Call
from crmkit.rest.collections import entity_at
from crmkit.rest.openapi.operations import Operation
from crmkit.rest.queries import EVERYTHING, Shown
from crmkit.rest.replies import Reply
from crmkit.rest.resources.addresses import (
    COLLECTION,
    MERGE_PATCH,
    RECORD,
    SHOWN,
    at_record,
    record_door,
    record_reply,
    seen_record,
)

__all__ = ["DOORS"]


def get_record(call: Call) -> Reply:
    """Return one record."""
    shown = Shown.of(call.arguments) if call.query else EVERYTHING
    with call.reading() as db:
        info, record = at_record(db, call)
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


_GET = Operation(summary=_("Get a record"), query=SHOWN, answers={200: "record"}, verb="read")
_CREATE = Operation(summary=_("Create a record"), body="new", answers={201: "record"}, verb="create")
_CHANGE = Operation(summary=_("Change a record"), body="patch", answers={200: "record"}, verb="update", sees="required")
_DELETE = Operation(summary=_("Put a record into the bin"), answers={204: None}, verb="delete", sees="required")
_RESTORE = Operation(summary=_("Take a record out of the bin"), answers={200: "record"}, verb="delete")

DOORS = (
    record_door("get", "GET", RECORD, get_record, _GET),
    record_door("create", "POST", COLLECTION, create_record, _CREATE),
    record_door("change", "PATCH", RECORD, change_record, _CHANGE),
    record_door("delete", "DELETE", RECORD, delete_record, _DELETE),
    record_door("restore", "POST", f"{RECORD}/restore", restore_record, _RESTORE),
)
