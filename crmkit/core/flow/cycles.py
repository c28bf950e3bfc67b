"""Cycle times: how long records stay in each stage, and how long they take until they are won or lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, get_args
from uuid import UUID

import attrs
import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from crmkit.core.entity import Record
from crmkit.core.flow.choosing import choose, require
from crmkit.core.flow.percentiles import with_percentiles
from crmkit.core.flow.periods import check_choice, check_moment, check_percents
from crmkit.core.pipelines import Pipeline
from crmkit.core.reading.reader import Reader
from crmkit.core.reading.transaction import Condition

__all__ = ["CycleTimes", "Durations", "cycle_times"]

By = Literal["owner_id", "team_id"]


@attrs.frozen
class Durations:
    """How long *count* stays took, to the second.

    *what* is a stage's slug, or ``won`` or ``lost`` for the whole way there. *whose* is the owner or the team, where
    that was asked for. *percentiles* has durations by percent: half of the stays took no longer than that of 50.
    """

    what: str
    whose: UUID | None
    count: int
    average: timedelta
    percentiles: dict[int, timedelta]

    @property
    def median(self) -> timedelta | None:
        """What half of the stays did not exceed, if it was asked for."""
        return self.percentiles.get(50)


@attrs.frozen
class CycleTimes:
    """The stays in each stage that have ended, in the order of the stages, and the whole ways of what is closed."""

    pipeline: str
    version: int
    stages: tuple[Durations, ...]
    totals: tuple[Durations, ...]


def cycle_times(
    db: Reader,
    entity: type[Record],
    pipeline: str | None = None,
    *,
    by: By | None = None,
    percents: Sequence[int] = (50, 90),
    since: datetime | None = None,
    until: datetime | None = None,
    where: Condition = None,
) -> CycleTimes:
    """Return how long the records that the reader sees stayed in the stages of *pipeline*, in two statements.

    Of stages those stays count that ended from *since* on and before *until*; of the whole way, those records that
    stand in a stage of the kind won or lost and came there in that time: from when they first entered the pipeline.
    With *by*, durations are told for each owner or team that the records have today; with *where*, of those records for
    which it holds today.

    Raises:
        ReportError: *by*, *percents*, *since* or *until* is none.
        UnknownPipelineError: the entity has no such pipeline.
        UnknownFieldError: what must be known for it, or what *where* names, is hidden.
    """
    check_choice(by, get_args(By))
    check_percents(percents)
    for moment in (since, until):
        check_moment(moment)
    chosen = choose(db, entity, pipeline)
    require(db, entity, ["stage_entered_at", *([by] if by else [])])
    period, visits = _Period(since, until), db.visible_visits(entity, where)
    stays = _answers(db, _stays(db, entity, visits, chosen, by, period), by, percents)
    ways = _answers(db, _ways(db, entity, visits, chosen, by, period), by, percents)
    places = {stage.slug: place for place, stage in enumerate(chosen.stages)}
    in_order = sorted(stays, key=lambda d: (places.get(d.what, len(places)), d.what, str(d.whose)))
    totals = sorted(ways, key=lambda d: (d.what != "won", str(d.whose)))
    return CycleTimes(chosen.id, chosen.version, tuple(in_order), tuple(totals))


@attrs.frozen
class _Period:
    since: datetime | None
    until: datetime | None

    def holds(self, moment: ColumnElement[datetime]) -> list[ColumnElement[bool]]:
        return [
            *([moment >= self.since] if self.since else []),
            *([moment < self.until] if self.until else []),
        ]


def _stays(
    db: Reader, entity: type[Record], visits: sa.Subquery, pipeline: Pipeline, by: By | None, period: _Period
) -> sa.Subquery:
    seconds = visits.c.left_epoch - visits.c.entered_epoch
    columns = [visits.c.stage.label("what"), seconds.label("seconds")]
    ended = [visits.c.pipeline == pipeline.id, visits.c.left_at.is_not(None), *period.holds(visits.c.left_at)]
    return _grouped(db, entity, by, visits, columns).where(*ended, visits.c.left_at >= visits.c.entered_at).subquery()


def _ways(
    db: Reader, entity: type[Record], every: sa.Subquery, pipeline: Pipeline, by: By | None, period: _Period
) -> sa.Subquery:
    # A window, as databases join two relations of the same visits row by row.
    entered = sa.func.min(every.c.entered_epoch).over(partition_by=every.c.record_id)
    told = [every.c[name] for name in ("record_id", "stage", "entered_at", "entered_epoch", "left_at")]
    visits = sa.select(*told, entered.label("first_epoch")).where(every.c.pipeline == pipeline.id).subquery()
    slugs = {kind: [stage.slug for stage in pipeline.stages if stage.kind == kind] for kind in ("won", "lost")}
    kind = sa.case((visits.c.stage.in_(slugs["won"]), "won"), else_="lost")
    columns = [kind.label("what"), (visits.c.entered_epoch - visits.c.first_epoch).label("seconds")]
    closed = [visits.c.left_at.is_(None), visits.c.stage.in_([*slugs["won"], *slugs["lost"]])]
    return _grouped(db, entity, by, visits, columns).where(*closed, *period.holds(visits.c.entered_at)).subquery()


def _grouped(
    db: Reader, entity: type[Record], by: By | None, visits: sa.Subquery, columns: Sequence[ColumnElement[Any]]
) -> sa.Select[Any]:
    if by is None:
        return sa.select(*columns).select_from(visits)
    records = db.visible(entity)
    joined = visits.join(records, records.c.id == visits.c.record_id)
    return sa.select(*columns, records.c[by].label("whose")).select_from(joined)


def _answers(db: Reader, values: sa.Subquery, by: By | None, percents: Sequence[int]) -> list[Durations]:
    rows = db.execute(with_percentiles(values, percents)).all()
    return [_durations(row if by else (row[0], None, *row[1:]), percents) for row in rows]


def _durations(row: Sequence[Any], percents: Sequence[int]) -> Durations:
    what, whose, count, total, *values = row
    found = {percent: timedelta(seconds=int(value)) for percent, value in zip(percents, values, strict=True)}
    return Durations(what, whose, count, timedelta(seconds=int(total) // count), found)
