"""What is known around a record: its history, its time line, the sections that plugins show with it, its visits."""

from __future__ import annotations

import re
from typing import Annotated, Any

import attrs
import msgspec

from crmkit.core.ledger import LedgerEntry
from crmkit.core.reading.ordering import CursorError
from crmkit.core.reading.reader import Reader
from crmkit.core.reading.section_lists import SectionList
from crmkit.core.reading.timeline import TimelineEntry
from crmkit.core.representing.plain import plain
from crmkit.core.representing.records import represent
from crmkit.core.text import gettext as _, translate
from crmkit.rest.calls import Call
from crmkit.rest.openapi.operations import JSON_OBJECT, Operation, items_of
from crmkit.rest.pages import Page, page_reply
from crmkit.rest.queries import MOST
from crmkit.rest.replies import Reply, json_reply
from crmkit.rest.resources.addresses import RECORD, at_record, record_door

__all__ = ["DOORS", "TimelinePage"]


class TimelinePage(Page):
    """Which part of a time line is asked for."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST)] = 20


def list_history(call: Call) -> Reply:
    """Return what happened to a record, oldest first, page by page."""
    asked = call.read_query(Page)
    with call.reading() as db:
        _info, record = at_record(db, call)
        entries = db.history(record, limit=asked.limit + 1, after=_position(asked.cursor))
        return page_reply(call, entries, asked, _entry, lambda entry: entry.id)


def list_timeline(call: Call) -> Reply:
    """Return what happened to a record and around it, newest first."""
    asked = call.read_query(TimelinePage)
    with call.reading() as db:
        _info, record = at_record(db, call)
        return json_reply(_timeline(db, record, asked))


def list_sections(call: Call) -> Reply:
    """Return what plugins show with a record."""
    with call.reading() as db:
        _info, record = at_record(db, call)
        return json_reply({"items": _sections(db, record)})


def get_overview(call: Call) -> Reply:
    """Return a record with everything around it: its sections, and the newest part of its time line."""
    asked = call.read_query(TimelinePage)
    with call.reading() as db:
        _info, record = at_record(db, call)
        (shown,) = represent(db, [record])
        return json_reply(
            {"record": shown, "sections": _sections(db, record), "timeline": _timeline(db, record, asked)}
        )


def list_visits(call: Call) -> Reply:
    """Return how long a record stood in which stages, oldest first, page by page."""
    asked = call.read_query(Page)
    with call.reading() as db:
        _info, record = at_record(db, call)
        visits = db.visits(record, limit=asked.limit + 1, after=_position(asked.cursor))
        return page_reply(call, visits, asked, attrs.asdict, lambda visit: visit.id)


def _position(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not re.fullmatch(r"[0-9]{1,18}", cursor):
        raise CursorError
    return int(cursor)


def _entry(entry: LedgerEntry) -> dict[str, Any]:
    changes = None
    if entry.changes is not None:
        changes = {name: {"old": old, "new": new} for name, (old, new) in entry.changes.items()}
    return {
        "id": entry.id,
        "at": entry.at,
        "by_id": entry.principal_id,
        "kind": entry.kind,
        "cause": entry.cause,
        "changes": changes,
    }


def _timeline(db: Reader, record: Any, asked: TimelinePage) -> dict[str, Any]:
    found = db.timeline(record, limit=asked.limit, after=asked.cursor)
    records = [entry.record for entry in found.entries if entry.record is not None]
    shown = iter(represent(db, records))
    items = [_happening(entry, None if entry.record is None else next(shown)) for entry in found.entries]
    return {"items": items, "next": found.next}


def _happening(entry: TimelineEntry, shown: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "at": entry.at,
        "kind": entry.kind,
        "part": None if entry.part is None else entry.part.id,
        "entity": None if entry.part is None else entry.part.entity,
        "record": shown,
        "visit": None if entry.visit is None else attrs.asdict(entry.visit),
        "change": None if entry.change is None else _entry(entry.change),
    }


def _sections(db: Reader, record: Any) -> list[dict[str, Any]]:
    return [_section(db, section) for section in db.sections(record)]


def _section(db: Reader, found: SectionList) -> dict[str, Any]:
    return {
        "id": found.section.id,
        "label": translate(found.section.label, db.access.locale),
        "entity": found.section.entity,
        "count": found.count,
        "fields": found.fields,
        "measures": plain(found.measures),
        "items": represent(db, found.records),
    }


_ITEMS = items_of(JSON_OBJECT)
_LINE = items_of(JSON_OBJECT, next={"type": ["string", "null"]})
_OVERVIEW: dict[str, Any] = {
    "type": "object",
    "properties": {
        "record": {"form": "record"},
        "sections": {"type": "array", "items": JSON_OBJECT},
        "timeline": _LINE,
    },
    "required": ["record", "sections", "timeline"],
}
_HISTORY = Operation(summary=_("List what happened to a record"), query=Page, answers={200: _LINE}, verb="read")
_TIMELINE = Operation(
    summary=_("List what happened to a record and around it"), query=TimelinePage, answers={200: _LINE}, verb="read"
)
_SECTIONS = Operation(summary=_("List what plugins show with a record"), answers={200: _ITEMS}, verb="read")
_AROUND = Operation(
    summary=_("Get a record with everything around it"), query=TimelinePage, answers={200: _OVERVIEW}, verb="read"
)
_VISITS = Operation(
    summary=_("List how long a record stood in which stages"),
    query=Page,
    answers={200: _LINE},
    verb="read",
    applies=lambda _registry, info: info.pipelined,
)

DOORS = (
    record_door("history", "GET", f"{RECORD}/history", list_history, _HISTORY),
    record_door("timeline", "GET", f"{RECORD}/timeline", list_timeline, _TIMELINE),
    record_door("sections", "GET", f"{RECORD}/sections", list_sections, _SECTIONS),
    record_door("overview", "GET", f"{RECORD}/overview", get_overview, _AROUND),
    record_door("visits", "GET", f"{RECORD}/visits", list_visits, _VISITS),
)
