"""Search through all records at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from crmkit.core.entity import Record
from crmkit.core.policy.existing import exists_for
from crmkit.core.reading.reader import Reader
from crmkit.core.representing.records import represented
from crmkit.core.searching.hits import Hit
from crmkit.core.text import gettext as _
from crmkit.rest.calls import Call
from crmkit.rest.collections import ROOT, address_of
from crmkit.rest.described import array_of, object_of
from crmkit.rest.doors import Door
from crmkit.rest.errors import QueryError
from crmkit.rest.openapi.operations import Operation, Parameter, nullable
from crmkit.rest.queries import MOST, limit_in, names_in
from crmkit.rest.replies import Reply, json_reply

__all__ = ["DOORS"]

_USUAL = 20
_PARAMETERS = ("q", "entity", "limit", "cursor")


def search(call: Call) -> Reply:
    """Return one page of the records in which words stand, the best first, and where the next one is."""
    asked = _asked(call)
    with call.reading() as db:
        entities = _entities(db, names_in(asked["entity"])) if "entity" in asked else None
        limit = limit_in(asked.get("limit"), usual=_USUAL)
        page = db.search(asked.get("q", ""), entities=entities, limit=limit, after=asked.get("cursor"))
        records = represented(db, [hit.record for hit in page.hits])
        items = [_item(db, hit, record) for hit, record in zip(page.hits, records, strict=True)]
    headers = {}
    if page.next is not None:
        same = {name: value for name, value in asked.items() if name != "cursor"}
        headers["link"] = f'<{call.path}?{urlencode({**same, "cursor": page.next})}>; rel="next"'
    return json_reply({"items": items, "next": page.next}, headers=headers)


def _asked(call: Call) -> dict[str, str]:
    """Return the parameters of *call*.

    Raises:
        QueryError: one is none of the search, or is given twice.
    """
    found: dict[str, str] = {}
    for name, value in call.arguments:
        if name not in _PARAMETERS:
            raise QueryError(name[:80], _("there is no such parameter"))
        if name in found:
            raise QueryError(name, _("is given twice"))
        found[name] = value
    return found


def _entities(db: Reader, names: Sequence[str]) -> list[type[Record]]:
    known = db.model.registry.entities
    for name in names:
        if name not in known or not exists_for(db.access, known[name]):
            raise QueryError("entity", _("there is no entity {entity!r}"), entity=name[:80])
    return [known[name].cls for name in names]


def _item(db: Reader, hit: Hit, record: dict[str, Any]) -> dict[str, Any]:
    snippet = {"field": hit.snippet.field, "text": hit.snippet.text, "marks": hit.snippet.marks}
    return {
        "entity": hit.entity,
        "href": f"{address_of(db.model.registry, hit.entity)}/{hit.id}",
        "title": hit.title,
        "rank": hit.rank,
        "snippet": snippet,
        "record": record,
    }


_TEXT, _NUMBER = {"type": "string"}, {"type": "integer", "minimum": 0}
_MARKS = array_of({"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 2})
_ITEM = object_of(
    entity=_TEXT,
    href=_TEXT,
    title=nullable(_TEXT),
    rank={"type": "integer", "minimum": 0, "maximum": 3},
    snippet=object_of(field=_TEXT, text=_TEXT, marks=_MARKS),
    record={"type": "object"},
)
_SEARCH = Operation(
    summary=_("Find records by the words in them"),
    query=(
        Parameter("q", _("Words that must all stand in a record; the last one may be begun only.")),
        Parameter("entity", _("The ids of entities, with commas between; without, all are searched.")),
        Parameter("limit", _("How many records the page has."), {"type": "integer", "minimum": 1, "maximum": MOST}),
        Parameter("cursor", _("Where the page begins: next of the page before.")),
    ),
    answers={200: object_of(items=array_of(_ITEM), next=nullable(_TEXT))},
)

DOORS = (
    Door(
        name="search",
        method="GET",
        path=f"{ROOT}/search",
        policy="principal",
        csrf="safe",
        handler=search,
        operation=_SEARCH,
    ),
)
