"""What a message says: the event in the form of CloudEvents 1.0, and the record as it is when the message is sent.

Everything in it was read by the user as whom the endpoint acts, at that moment. What this user may not read is not in
it, and of what they may not know any more there is no message.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote
from uuid import UUID

import attrs
import msgspec

from crmkit import Company, KnownEvent, Reader, UnknownEntityError, represent

from ..entities import Delivery
from .endpoints import told_types

__all__ = ["CONTENT_TYPE", "Body", "render"]

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
_SPAN = 500


@attrs.frozen
class Body:
    """What is sent of *delivery*; ``None`` if it is not to be told."""

    delivery: Delivery
    content: bytes | None


def render(theirs: Reader, deliveries: Sequence[Delivery], company: Company) -> list[Body]:
    """Return what *theirs*, a reader of the user as whom their endpoint acts, may be told of each of *deliveries*."""
    known = _known(theirs, [each.position for each in deliveries])
    told = {each.id: known.get(each.position) for each in deliveries}
    records = _records(theirs, [event for event in told.values() if event is not None and event.kind != "delete"])
    return [Body(each, _content(theirs, each, told[each.id], records, company)) for each in deliveries]


def _known(theirs: Reader, positions: Iterable[int]) -> dict[int, KnownEvent]:
    """Return what the reader knows of the writes at *positions*, with one question for those close together."""
    found: dict[int, KnownEvent] = {}
    todo = sorted(set(positions))
    while todo:
        near = [position for position in todo if position < todo[0] + _SPAN]
        page = theirs.events(after=near[0] - 1, limit=near[-1] - near[0] + 1)
        found |= {each.position: each for each in page.events}
        todo = todo[len(near) :]
    return found


def _records(theirs: Reader, events: Iterable[KnownEvent]) -> dict[tuple[str, UUID], Mapping[str, Any]]:
    ids: dict[str, list[UUID]] = {}
    for event in events:
        ids.setdefault(event.entity, []).append(event.record_id)
    found: dict[tuple[str, UUID], Mapping[str, Any]] = {}
    for entity, wanted in ids.items():
        try:
            records = list(theirs.get_many(theirs.entity(entity), set(wanted)).values())
        except UnknownEntityError:
            continue
        shown = represent(theirs, records)
        found |= {(entity, record.id): each for record, each in zip(records, shown, strict=True)}
    return found


def _content(
    theirs: Reader,
    delivery: Delivery,
    event: KnownEvent | None,
    records: Mapping[tuple[str, UUID], Mapping[str, Any]],
    company: Company,
) -> bytes | None:
    if event is None or delivery.event not in told_types(theirs, event):
        return None
    is_gone = event.kind == "delete"
    # What came back out of the bin is told by what brought it back.
    record = None if is_gone else records.get((event.entity, event.record_id))
    if record is None and not is_gone:
        return None
    data = {
        "entity": event.entity,
        "id": str(event.record_id),
        "changed": list(event.changed or ()),
        "user_id": None if event.principal_id is None else str(event.principal_id),
        "record": record,
    }
    envelope = {
        "specversion": "1.0",
        "id": str(delivery.id),
        "source": f"/crmkit/{quote(company.name, safe='')}",
        "type": delivery.event,
        "time": delivery.happened_at.isoformat().replace("+00:00", "Z"),
        "subject": f"{event.entity}/{event.record_id}",
        "datacontenttype": "application/json",
        "data": data,
    }
    return msgspec.json.encode(envelope)
