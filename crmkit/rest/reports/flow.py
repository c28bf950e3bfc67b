"""How records flow through pipelines: boards, funnels of now and of then, cycle times, and conversion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, cast, get_args

from crmkit.core.entity import EntityInfo
from crmkit.core.flow import CycleTimes, Durations, Funnel, board, conversion, cycle_times, funnel
from crmkit.core.flow.funnels import Amounts
from crmkit.core.representing.plain import plain
from crmkit.core.text import Text, gettext as _, translate
from crmkit.rest.calls import Call
from crmkit.rest.collections import entity_at
from crmkit.rest.conditions import moment_in
from crmkit.rest.described import WHERE, array_of, object_of
from crmkit.rest.doors import Door
from crmkit.rest.errors import QueryError
from crmkit.rest.openapi.operations import Operation, Parameter
from crmkit.rest.queries import names_in, sorted_out
from crmkit.rest.replies import Reply, json_reply
from crmkit.rest.resources.addresses import COLLECTION, record_door

__all__ = ["DOORS"]

_By = Literal["owner_id", "team_id"]
_MOST_COHORTS = 120


def show_board(call: Call) -> Reply:
    """Return what stands in each stage now, and how much of it is overdue."""
    with call.reading() as db:
        info = entity_at(db, call.parameters)
        asked, where = sorted_out(db, info, call.arguments, ("pipeline", "sum"))
        found = board(db, info.cls, asked.get("pipeline"), amount=asked.get("sum"), where=where)
        return json_reply(_shown(found, db.access.locale))


def show_funnel(call: Call) -> Reply:
    """Return what stands in each stage now, or stood there at a moment."""
    with call.reading() as db:
        info = entity_at(db, call.parameters)
        asked, where = sorted_out(db, info, call.arguments, ("pipeline", "sum", "at", "sums"))
        found = funnel(
            db,
            info.cls,
            asked.get("pipeline"),
            amount=asked.get("sum"),
            at=moment_in("at", asked["at"]) if "at" in asked else None,
            amounts=cast(Amounts, asked.get("sums", "now")),
            where=where,
        )
        return json_reply(_shown(found, db.access.locale))


def show_cycle_times(call: Call) -> Reply:
    """Return how long records stay in stages, and how long they take until they are won or lost."""
    with call.reading() as db:
        info = entity_at(db, call.parameters)
        asked, where = sorted_out(db, info, call.arguments, ("pipeline", "by", "percents", "since", "until"))
        percents = _percents(asked.get("percents", "50,90"))
        found: CycleTimes = cycle_times(
            db,
            info.cls,
            asked.get("pipeline"),
            by=cast(_By | None, asked.get("by")),
            percents=percents,
            since=moment_in("since", asked["since"]) if "since" in asked else None,
            until=moment_in("until", asked["until"]) if "until" in asked else None,
            where=where,
        )
    return json_reply(
        {
            "pipeline": found.pipeline,
            "version": found.version,
            "stages": [_durations(each) for each in found.stages],
            "totals": [_durations(each) for each in found.totals],
        }
    )


def show_conversion(call: Call) -> Reply:
    """Return how far the records have come that entered a pipeline in the same period."""
    with call.reading() as db:
        info = entity_at(db, call.parameters)
        asked, where = sorted_out(db, info, call.arguments, ("pipeline", "starts"))
        starts = [moment_in("starts", text) for text in names_in(asked.get("starts", ""))]
        if len(starts) > _MOST_COHORTS:
            raise QueryError("starts", _("name at most {most} moments"), most=_MOST_COHORTS)
        found = conversion(db, info.cls, starts, asked.get("pipeline"), where=where)
    cohorts = [{**plain(cohort), "rates": cohort.rates} for cohort in found.cohorts]
    return json_reply({**plain(found), "cohorts": cohorts})


def _shown(found: Funnel, locale: str | None) -> dict[str, Any]:
    lanes = [{**plain(lane), "label": translate(lane.label, locale)} for lane in found.lanes]
    return {**plain(found), "lanes": lanes, "count": found.count}


def _percents(text: str) -> Sequence[int]:
    names = names_in(text)
    if not all(name.isascii() and name.isdigit() and len(name) <= 3 for name in names):
        raise QueryError("percents", _("whole numbers with commas, such as {example}"), example="50,90")
    return [int(name) for name in names]


def _durations(each: Durations) -> dict[str, Any]:
    return {
        "what": each.what,
        "whose": each.whose,
        "count": each.count,
        "average_seconds": int(each.average.total_seconds()),
        "percentile_seconds": {str(name): int(span.total_seconds()) for name, span in each.percentiles.items()},
    }


def _is_pipelined(info: EntityInfo) -> bool:
    return info.pipelined


_TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}
_DECIMAL = {"type": ["string", "null"]}
_PIPELINE = Parameter("pipeline", _("The id of the pipeline; without, the one of new records."))
_SUM = Parameter("sum", _("The field of money that is added up, such as amount."))
_LANE = object_of(
    slug=_TEXT, label=_TEXT, kind={"enum": ["open", "won", "lost"]}, probability=_NUMBER, count=_NUMBER,
    amount=_DECIMAL, unpriced=_NUMBER, overdue={"type": ["integer", "null"]}, is_retired={"type": "boolean"},
)  # fmt: skip
_FUNNEL = object_of(
    pipeline=_TEXT, version=_NUMBER, currency=_TEXT, at={"type": ["string", "null"], "format": "date-time"},
    lanes=array_of(_LANE), count=_NUMBER,
)  # fmt: skip
_DURATIONS = object_of(
    what=_TEXT, whose={"type": ["string", "null"], "format": "uuid"}, count=_NUMBER, average_seconds=_NUMBER,
    percentile_seconds={"type": "object", "additionalProperties": _NUMBER},
)  # fmt: skip
_COHORT = object_of(
    starts_at={"type": "string", "format": "date-time"}, count=_NUMBER, lost=_NUMBER,
    reached={"type": "object", "additionalProperties": _NUMBER},
    rates={"type": "object", "additionalProperties": {"type": ["number", "null"]}},
)  # fmt: skip
_TIMES = object_of(pipeline=_TEXT, version=_NUMBER, stages=array_of(_DURATIONS), totals=array_of(_DURATIONS))
_CONVERSION = object_of(pipeline=_TEXT, version=_NUMBER, stages=array_of(_TEXT), cohorts=array_of(_COHORT))


def _report(name: str, handler: Callable[[Call], Reply], summary: Text, schema: Any, *query: Parameter) -> Door:
    operation = Operation(
        summary=summary,
        query=(WHERE, _PIPELINE, *query),
        answers={200: schema},
        verb="read",
        applies=lambda _registry, info: info.pipelined,
    )
    return record_door(name, "GET", f"{COLLECTION}/{name}", handler, operation)


def _moment(name: str, text: Text) -> Parameter:
    return Parameter(name, text, {"type": "string", "format": "date-time"})


DOORS = (
    _report("board", show_board, _("See what stands in each stage, and what is overdue there"), _FUNNEL, _SUM),
    _report(
        "funnel",
        show_funnel,
        _("See what stands in each stage, or stood there at a moment"),
        _FUNNEL,
        _SUM,
        _moment("at", _("A moment that has passed.")),
        Parameter("sums", _("Whether money is what it is now, or what it was then."), {"enum": [*get_args(Amounts)]}),
    ),
    _report(
        "cycle_times",
        show_cycle_times,
        _("See how long records stay in stages, and until they are won or lost"),
        _TIMES,
        Parameter("by", _("For each owner or team."), {"enum": [*get_args(_By)]}),
        Parameter("percents", _("Percentages, with commas between; without, 50,90.")),
        _moment("since", _("Of what ended from this moment on.")),
        _moment("until", _("Of what ended before this moment.")),
    ),
    _report(
        "conversion",
        show_conversion,
        _("See how far the records came that entered a pipeline in the same period"),
        _CONVERSION,
        Parameter("starts", _("The moments at which periods begin, in order, with commas between."), required=True),
    ),
)
