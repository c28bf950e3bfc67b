"""Records by the ids under which other systems know them."""

from __future__ import annotations

from crmkit.core.entity import EntityInfo, Record
from crmkit.core.errors import ConflictError
from crmkit.core.reading.external import Known, find_external
from crmkit.core.reading.reader import Reader
from crmkit.core.representing.reading import new_record, read_values
from crmkit.core.text import gettext as _
from crmkit.core.writing.writer import Writer
from crmkit.rest.calls import Call
from crmkit.rest.collections import entity_at
from crmkit.rest.errors import NothingHereError, PreconditionFailedError
from crmkit.rest.etags import check_absent, check_seen, is_known
from crmkit.rest.openapi.links import ETAG
from crmkit.rest.openapi.operations import Follows, Operation
from crmkit.rest.replies import Reply
from crmkit.rest.resources.addresses import COLLECTION, IF_NONE_MATCH, MERGE_PATCH, etag_in, record_door, record_reply

__all__ = ["DOORS"]

# What another system calls a record may have slashes.
_EXTERNAL = f"{COLLECTION}/external/{{system:str}}/{{value:path}}"


def get_external(call: Call) -> Reply:
    """Return the record that another system knows by this id."""
    with call.reading() as db:
        info = entity_at(db, call.parameters)
        known = _known(db, call, info)
        if known is None or known.is_deleted:
            raise NothingHereError
        return record_reply(db, info, db.get(info.cls, known.record_id))


def put_external(call: Call) -> Reply:
    """Create the record that another system knows by this id, or change it by a merge patch; return it.

    A record in the bin stays there: it has to be restored first. With If-None-Match: ``*`` none is changed, with
    If-Match none is created.
    """
    if_match, if_none_match = call.headers.get("if-match"), call.headers.get("if-none-match")

    def work(db: Writer) -> Reply:
        info = entity_at(db, call.parameters)
        known = _known(db, call, info)
        if known is None or known.is_deleted:
            check_absent(if_match, if_none_match)
        if known is None:
            return record_reply(db, info, _created(db, call, info), status=201)
        if known.is_deleted:
            raise ConflictError(info.id)
        record = db.get(info.cls, known.record_id)
        check_seen(record, if_match, required=False)
        if is_known(etag_in(db, info, record), if_none_match):
            raise PreconditionFailedError(_("something is there already"))
        return record_reply(db, info, db.update(record, read_values(db, info.cls, call.json(MERGE_PATCH), over=record)))

    return call.write(work)


def _known(db: Reader, call: Call, info: EntityInfo) -> Known | None:
    value = _value(call)
    return find_external(db, call.parameters["system"], info, [value]).get(value)


def _created(db: Writer, call: Call, info: EntityInfo) -> Record:
    record, beside = new_record(info, read_values(db, info.cls, call.json(MERGE_PATCH)))
    created: Record = db.create(record)
    db.external.give(call.parameters["system"], info.cls, {_value(call): created.id})
    return db.update(created, beside) if beside else created


def _value(call: Call) -> str:
    return str(call.parameters["value"]).removeprefix("/")


_SAME = {"system": "$request.path.system", "value": "$request.path.value"}
_GET = Operation(
    summary=_("Get a record by the id that another system has for it"),
    answers={200: "record"},
    verb="read",
    follows=(Follows("put by external id", 201, _SAME), Follows("put by external id", 200, _SAME)),
)
_PUT = Operation(
    summary=_("Create or change a record by the id that another system has for it"),
    query=(IF_NONE_MATCH,),
    body="patch",
    answers={200: "record", 201: "record"},
    verb="create",
    sees="optional",
    follows=(Follows("get by external id", 200, {**_SAME, "If-Match": ETAG}),),
)

DOORS = (
    record_door("get by external id", "GET", _EXTERNAL, get_external, _GET),
    record_door("put by external id", "PUT", _EXTERNAL, put_external, _PUT),
)
