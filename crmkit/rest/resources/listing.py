"""Lists of records, page by page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from crmkit.core.representing.records import represented
from crmkit.rest.calls import Call
from crmkit.rest.collections import entity_at
from crmkit.rest.queries import ListQuery
from crmkit.rest.replies import Reply, json_reply
from crmkit.rest.resources.addresses import COLLECTION, record_door

__all__ = ["DOORS"]


def list_records(call: Call) -> Reply:
    """Return one page of the records of an entity, and where the next one is."""
    with call.reading() as db:
        info = entity_at(db, call.parameters)
        asked = ListQuery.of(db, info, call.arguments)
        page = db.page(
            info.cls,
            asked.where,
            order_by=asked.order_by,
            limit=asked.limit,
            after=asked.cursor,
            deleted=asked.deleted,
        )
        shown = asked.shown
        body: dict[str, Any] = {
            "items": represented(db, page.records, fields=shown.fields, expand=shown.expand),
            "next": page.next,
        }
        if asked.count:
            body["count"] = db.count(info.cls, asked.where)
    return json_reply(body, headers=_links(call, page.next))


def _links(call: Call, cursor: str | None) -> dict[str, str]:
    """Return the header that leads to the next page (RFC 8288)."""
    if cursor is None:
        return {}
    same = [(name, value) for name, value in call.arguments if name != "cursor"]
    return {"link": f'<{call.path}?{urlencode([*same, ("cursor", cursor)])}>; rel="next"'}


DOORS = (record_door("list", "GET", COLLECTION, list_records),)
