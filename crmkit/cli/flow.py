"""Funnels, cycle times and cohorts as rows, and the moments that people name."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

import click

from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit import Conversion, CycleTimes, Funnel, Reader

__all__ = [
    "CYCLE_COLUMNS",
    "LANE_COLUMNS",
    "cohort_rows",
    "duration_rows",
    "lane_rows",
    "moment_of",
    "months_until",
]

LANE_COLUMNS = {
    "label": _("Stage"),
    "count": _("Records"),
    "amount": _("Amount"),
    "unpriced": _("Without amount"),
    "overdue": _("Overdue"),
    "retired": _("Retired"),
}
CYCLE_COLUMNS = {
    "what": _("Stage"),
    "whose": _("Whose"),
    "count": _("Stays"),
    "median": _("Median (days)"),
    "p90": _("90 % within (days)"),
    "average": _("Average (days)"),
}
_DAY = timedelta(days=1)


def moment_of(written: str, zone: tzinfo | None, *, start: bool = False) -> datetime:
    """Return the moment that *written* names: of a day its end, or with *start* its beginning, in *zone*.

    Raises:
        BadParameter: it is neither a day nor a moment with its zone.
    """
    with suppress(ValueError):
        return datetime.combine(date.fromisoformat(written) + (timedelta(0) if start else _DAY), time(), zone or UTC)
    moment = None
    with suppress(ValueError):
        moment = datetime.fromisoformat(written)
    if moment is None or moment.tzinfo is None:
        message = translate(_("{written!r} is neither a day such as 2026-03-01 nor a moment with its zone"))
        raise click.BadParameter(message.format(written=written))
    return moment


def months_until(now: datetime, number: int, zone: tzinfo | None) -> Sequence[datetime]:
    """Return when each of the last *number* months began in *zone*, this one included."""
    today = now.astimezone(zone or UTC).date().replace(day=1)
    starts = [today]
    while len(starts) < number:
        starts.append((starts[-1] - _DAY).replace(day=1))
    return [datetime.combine(start, time(), zone or UTC) for start in reversed(starts)]


def lane_rows(found: Funnel) -> list[dict[str, Any]]:
    """Return a row for each lane."""
    return [
        {
            "stage": lane.slug,
            "label": translate(lane.label),
            "kind": lane.kind,
            "count": lane.count,
            "amount": lane.amount,
            "unpriced": lane.unpriced,
            "overdue": lane.overdue,
            "retired": lane.is_retired,
        }
        for lane in found.lanes
    ]


def duration_rows(db: Reader, found: CycleTimes, by: str | None) -> list[dict[str, Any]]:
    """Return a row for each stage and for the whole way, in days; with *by*, for each owner or team by name."""
    from crmkit import Team, User

    durations = [*found.stages, *found.totals]
    ids = [each.whose for each in durations if each.whose is not None]
    records: Any = db.get_many(User if by == "owner" else Team, ids) if ids else {}
    names = {id_: record.name for id_, record in records.items() if "name" in db.readable_fields(type(record))}
    return [
        {
            "what": each.what,
            "whose": names.get(each.whose, each.whose),
            "count": each.count,
            "median": _days(each.percentiles[50]),
            "p90": _days(each.percentiles[90]),
            "average": _days(each.average),
        }
        for each in durations
    ]


def _days(span: timedelta) -> float:
    return round(span / _DAY, 2)


def cohort_rows(found: Conversion, zone: tzinfo | None) -> list[dict[str, Any]]:
    """Return a row for each cohort: how many it has, and how many of them reached each stage."""
    return [
        {
            "month": f"{cohort.starts_at.astimezone(zone or UTC):%Y-%m}",
            "count": cohort.count,
            **cohort.reached,
            "lost": cohort.lost,
        }
        for cohort in found.cohorts
    ]
