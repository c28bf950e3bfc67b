"""The addresses of records, and finding what stands there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import attrs

from crmkit.core.entity import EntityInfo, Record
from crmkit.core.errors import NotFoundError, StaleError
from crmkit.core.reading.lists import is_called
from crmkit.core.reading.reader import Reader
from crmkit.core.representing.records import Representation, represented
from crmkit.core.text import gettext as _
from crmkit.rest.calls import Call
from crmkit.rest.collections import ROOT, address_of, entity_at
from crmkit.rest.doors import Door, Method
from crmkit.rest.etags import CONDITION, check_seen, etag_of
from crmkit.rest.openapi.links import ETAG
from crmkit.rest.openapi.operations import Follows, Operation, Parameter
from crmkit.rest.queries import EVERYTHING, Shown
from crmkit.rest.replies import Reply, json_reply

__all__ = [
    "COLLECTION",
    "IF_NONE_MATCH",
    "MERGE_PATCH",
    "RECORD",
    "SHOWN",
    "at_record",
    "etag_in",
    "record_door",
    "record_reply",
    "seen_record",
    "seen_records",
]

COLLECTION = f"{ROOT}/{{plugin:str}}/{{collection:str}}"
RECORD = f"{COLLECTION}/{{record:str}}"
MERGE_PATCH = "application/merge-patch+json"
#: What of records is shown, as parameters of a query.
SHOWN = (
    Parameter("fields", _("The fields that are shown beside the id, with commas between.")),
    Parameter("expand", _("The relations behind which records are shown as well, with commas between.")),
)
#: What of a record a client has already, as a header.
IF_NONE_MATCH = Parameter(
    "If-None-Match",
    _("ETags of the record that are known already, or * for any."),
    {"type": "string", "pattern": f"^{CONDITION}$"},
    "header",
)


def record_door(
    name: str, method: Method, path: str, handler: Callable[[Call], Reply], operation: Operation | None = None
) -> Door:
    """Return the door *name* to records, which the principal opens; what a session changes is checked.

    What is done with one record follows its creation, unless *operation* says what it follows.
    """
    csrf: Any = "safe" if method == "GET" else "checked"
    if operation is not None and path.startswith(RECORD) and not operation.follows:
        operation = attrs.evolve(operation, follows=_follows(operation))
    return Door(
        name=name, method=method, path=path, policy="principal", csrf=csrf, handler=handler, operation=operation
    )


def _follows(operation: Operation) -> tuple[Follows, ...]:
    """Return that *operation* follows the creation of a record; what must be seen before, also a look at it."""
    if not operation.sees:
        return (Follows("create", 201, {"record": _ID}),)
    seen = {"record": _ID, "If-Match": ETAG}
    return Follows("create", 201, seen), Follows("get", 200, seen)


_ID = "$response.body#/id"


def at_record(db: Reader, call: Call) -> tuple[EntityInfo, Any]:
    """Return the entity and the record that the path of *call* names, by its id or its human number.

    Raises:
        NothingHereError, NotFoundError: there is no such entity, or no such record.
    """
    info = entity_at(db, call.parameters)
    return info, db.get(info.cls, call.parameters["record"])


def seen_record(db: Reader, call: Call, *, required: bool = False) -> tuple[EntityInfo, Any]:
    """Return what :func:`at_record` does, if the sender has seen the record as it is.

    Where a merged record stood, nothing is done to the record that it went into: the versions of the two may be equal.

    Raises:
        PreconditionMissingError: ``If-Match`` is *required* and not sent.
        StaleError: it names another version.
        NothingHereError, NotFoundError: as :func:`at_record`; or the record has another id or number by now.
    """
    info, record = at_record(db, call)
    reference = call.parameters["record"]
    if not is_called(info, record, reference):
        raise NotFoundError(info.id, reference)
    check_seen(record, call.headers.get("if-match"), required=required)
    return info, record


def seen_records(db: Reader, info: EntityInfo, seen: Sequence[tuple[UUID, int | None]]) -> list[Record]:
    """Return the records with these ids, if they are of the versions that were *seen*; ``None`` is any version.

    Raises:
        NotFoundError: one is gone or not visible.
        StaleError: one is of another version.
    """
    found = db.get_many(info.cls, [id_ for id_, _version in seen])
    for id_, version in seen:
        record = found.get(id_)
        if record is None:
            raise NotFoundError(info.id, id_)
        if version not in (None, record.version):
            raise StaleError(info.id, id_, version)
    return [found[id_] for id_, _version in seen]


def record_reply(
    db: Reader, info: EntityInfo, record: Record, shown: Shown = EVERYTHING, *, status: int = 200
) -> Reply:
    """Return *record* as the answer; a new one (*status* 201) with the address at which it stands."""
    (body,) = represented(db, [record], fields=shown.fields, expand=shown.expand, credentials=True)
    headers = {"etag": etag_in(db, info, record)}
    if status == 201:
        headers["location"] = f"{address_of(db.model.registry, info.id)}/{record.id}"
    return json_reply(body, status, headers)


def etag_in(db: Reader, info: EntityInfo, record: Record) -> str:
    """Return the ETag of *record*, a record of *info*, as the principal of *db* sees it."""
    return etag_of(record, Representation.of(db, info, None, credentials=True).signature)
