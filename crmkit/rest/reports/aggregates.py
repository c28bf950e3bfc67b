"""Groups and measures: how many records there are, and what their fields add up to."""

from __future__ import annotations

from crmkit.core.reading.measures import FUNCTIONS, Measure
from crmkit.core.representing.plain import plain
from crmkit.core.text import gettext as _
from crmkit.rest.calls import Call
from crmkit.rest.collections import entity_at
from crmkit.rest.described import WHERE, array_of, object_of
from crmkit.rest.errors import QueryError
from crmkit.rest.openapi.operations import Operation, Parameter
from crmkit.rest.queries import names_in, sorted_out
from crmkit.rest.replies import Reply, json_reply
from crmkit.rest.resources.addresses import COLLECTION, record_door

__all__ = ["DOORS", "MOST_GROUPS"]

#: How many groups an answer has at most.
MOST_GROUPS = 10_000
_FUNCTIONS = {function.replace(" ", "_"): function for function in FUNCTIONS}


def aggregate(call: Call) -> Reply:
    """Return the measures of each group of the records of an entity."""
    with call.reading() as db:
        info = entity_at(db, call.parameters)
        asked, where = sorted_out(db, info, call.arguments, ("group_by", "measures"))
        groups, measures = names_in(asked.get("group_by", "")), _measures(asked.get("measures", "count"))
        rows = db.aggregate(info.cls, group_by=groups, measures=measures, where=where)
        currency = db.currency
    if len(rows) > MOST_GROUPS:
        raise QueryError("group_by", _("there are more than {most} groups; ask for fewer"), most=MOST_GROUPS)
    items = [
        {
            "group": {name: plain(row[name]) for name in groups},
            "measures": {name: plain(row[name]) for name in measures},
        }
        for row in rows
    ]
    return json_reply({"items": items, "currency": currency})


def _measures(text: str) -> dict[str, Measure]:
    """Return the measures by the names that *text* gives them: ``count``, ``sum.amount``, ``avg.company.size``."""
    found: dict[str, Measure] = {}
    for name in names_in(text):
        function, _dot, field = name.partition(".")
        if function not in _FUNCTIONS or (function != "count" and not field):
            known = ", ".join("count" if each == "count" else f"{each}.FIELD" for each in _FUNCTIONS)
            message = _("{name!r} is no measure; known: {known}")
            raise QueryError("measures", message, name=name[:80], known=known)
        found[name] = Measure(_FUNCTIONS[function], field or None)
    return found


_ITEM = object_of(group={"type": "object"}, measures={"type": "object"})
_AGGREGATE = Operation(
    summary=_("Add records up, group by group"),
    query=(
        WHERE,
        Parameter("group_by", _("Fields, with commas between; without, all records are one group.")),
        Parameter(
            "measures",
            _(
                "With commas between: count, count.FIELD, sum.FIELD, avg.FIELD, min.FIELD, max.FIELD, "
                "sum_by_currency.FIELD. Money is measured in the company's currency."
            ),
        ),
    ),
    answers={200: object_of(items=array_of(_ITEM), currency={"type": "string"})},
    verb="read",
)

DOORS = (record_door("aggregate", "GET", f"{COLLECTION}/aggregate", aggregate, _AGGREGATE),)
