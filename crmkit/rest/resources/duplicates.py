"""Which other records may be the same as one, which may not be stored yet."""

from __future__ import annotations

from typing import Any

from crmkit.core.reading.matches import Matches
from crmkit.core.reading.reader import Reader
from crmkit.core.representing.reading import new_record, read_values
from crmkit.core.representing.records import represented
from crmkit.core.text import gettext as _
from crmkit.rest.calls import Call
from crmkit.rest.collections import entity_at
from crmkit.rest.openapi.operations import Operation, items_of
from crmkit.rest.replies import Reply, json_reply
from crmkit.rest.resources.addresses import COLLECTION, RECORD, at_record, record_door

__all__ = ["DOORS"]


def list_matches(call: Call) -> Reply:
    """Return the records that may be the same as a stored one."""
    with call.reading() as db:
        _info, record = at_record(db, call)
        return _told(db, db.matches(record))


def find_matches(call: Call) -> Reply:
    """Return the records that may be the same as one that would be created with the values in the body."""
    with call.reading() as db:
        info = entity_at(db, call.parameters)
        record, _beside = new_record(info, read_values(db, info.cls, call.json()))
        return _told(db, db.matches(record))


def _told(db: Reader, matches: Matches[Any]) -> Reply:
    return json_reply({"items": represented(db, matches.records), "is_hidden_one": matches.is_hidden_one})


_MATCHES = items_of({"form": "record"}, is_hidden_one={"type": "boolean"})
_LIST = Operation(summary=_("List records that may be the same as one"), answers={200: _MATCHES}, verb="read")
_FIND = Operation(
    summary=_("Find records that may be the same as a new one"),
    body="some",
    answers={200: _MATCHES},
    verb="create",
    is_kept=False,
)

DOORS = (
    record_door("matches", "GET", f"{RECORD}/matches", list_matches, _LIST),
    record_door("find matches", "POST", f"{COLLECTION}/matches", find_matches, _FIND),
)
