"""Lists of records, page by page."""

from __future__ import annotations

from typing import Any

from crmkit.core.representing.records import represented
from crmkit.core.text import gettext as _
from crmkit.rest.calls import Call
from crmkit.rest.collections import entity_at
from crmkit.rest.described import ORDER_BY, WHERE
from crmkit.rest.openapi.operations import Operation, Parameter
from crmkit.rest.pages import next_link
from crmkit.rest.queries import MOST, ListQuery
from crmkit.rest.replies import Reply, json_reply
from crmkit.rest.resources.addresses import COLLECTION, SHOWN, record_door

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
    return json_reply(body, headers=next_link(call, page.next))


_TRUTH = {"type": "boolean"}
_QUERY = (
    WHERE,
    ORDER_BY,
    Parameter("cursor", _("Where the page begins: next of the page before.")),
    Parameter("limit", _("How many records the page has."), {"type": "integer", "minimum": 1, "maximum": MOST}),
    *SHOWN,
    Parameter("count", _("Whether all records are counted for which the conditions hold."), _TRUTH),
    Parameter("deleted", _("Whether the records in the bin are listed, in place of the others."), _TRUTH),
)
_LIST = Operation(summary=_("List records"), query=_QUERY, answers={200: "page"}, verb="read")

DOORS = (record_door("list", "GET", COLLECTION, list_records, _LIST),)
