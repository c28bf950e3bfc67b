"""Conversion by cohort: how far the records came that entered a pipeline in the same period."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

import attrs
import sqlalchemy as sa

from crmkit.core.entity import Record
from crmkit.core.flow.choosing import choose, require
from crmkit.core.flow.periods import check_starts
from crmkit.core.pipelines import Pipeline
from crmkit.core.reading.reader import Reader
from crmkit.core.reading.transaction import Condition

__all__ = ["Cohort", "Conversion", "conversion"]


@attrs.frozen
class Cohort:
    """The *count* records that first entered the pipeline from *starts_at* on, until the next cohort starts.

    *reached* has by stage how many came at least there: into it, or into one behind it. *lost* stand in a stage of the
    kind lost today.
    """

    starts_at: datetime
    count: int
    reached: dict[str, int]
    lost: int

    def rate(self, source: str, target: str) -> float | None:
        """Return which share of those that reached *source* reached *target* too; ``None`` where none did."""
        return self.reached[target] / self.reached[source] if self.reached[source] else None

    @property
    def rates(self) -> dict[str, float | None]:
        """The share of those who reached the stage before, by stage; the first stage has none."""
        return {target: self.rate(source, target) for source, target in pairwise(self.reached)}


@attrs.frozen
class Conversion:
    """The cohorts of one pipeline. *stages* are those that lead forward: all but the ones of the kind lost."""

    pipeline: str
    version: int
    stages: tuple[str, ...]
    cohorts: tuple[Cohort, ...]


def conversion(
    db: Reader,
    entity: type[Record],
    starts: Sequence[datetime],
    pipeline: str | None = None,
    *,
    where: Condition = None,
) -> Conversion:
    """Return how far the records that the reader sees have come, in one statement.

    *starts* are the moments at which cohorts begin, in order; the last one is open. What entered before the first is
    in none. A stage that the pipeline no longer has counts for nothing. With *where*, cohorts have the records for
    which it holds today.

    Raises:
        ReportError: *starts* is empty or not in order, or has what is no moment with its zone.
        UnknownPipelineError: the entity has no such pipeline.
        UnknownFieldError: what must be known for it, or what *where* names, is hidden.
    """
    check_starts(starts)
    chosen = choose(db, entity, pipeline)
    require(db, entity, ["stage_entered_at"])
    forward = tuple(stage.slug for stage in chosen.stages if stage.kind != "lost")
    rows = db.execute(_statement(db.visible_visits(entity, where), chosen, forward, starts)).all()
    found = [[row for row in rows if row.cohort == place] for place in range(len(starts))]
    cohorts = [_cohort(start, forward, mine) for start, mine in zip(starts, found, strict=True)]
    return Conversion(chosen.id, chosen.version, forward, tuple(cohorts))


def _statement(
    visits: sa.Subquery, pipeline: Pipeline, forward: Sequence[str], starts: Sequence[datetime]
) -> sa.Select[Any]:
    place = sa.case({slug: place for place, slug in enumerate(forward)}, value=visits.c.stage, else_=-1)
    lost = [stage.slug for stage in pipeline.stages if stage.kind == "lost"]
    is_lost = sa.case((sa.and_(visits.c.left_at.is_(None), visits.c.stage.in_(lost)), 1), else_=0)
    columns = [
        sa.func.min(visits.c.entered_at).label("entered_at"),
        sa.func.max(place).label("furthest"),
        sa.func.max(is_lost).label("lost"),
    ]
    records = sa.select(*columns).where(visits.c.pipeline == pipeline.id).group_by(visits.c.record_id).subquery()
    later = [(records.c.entered_at >= start, place) for place, start in reversed(list(enumerate(starts)))]
    cohorts = sa.select(sa.case(*later).label("cohort"), records.c.furthest, records.c.lost).subquery()
    keys = [cohorts.c.cohort, cohorts.c.furthest, cohorts.c.lost]
    return sa.select(*keys, sa.func.count().label("number")).where(cohorts.c.cohort.is_not(None)).group_by(*keys)


def _cohort(start: datetime, forward: Sequence[str], rows: Sequence[Any]) -> Cohort:
    reached = {slug: sum(r.number for r in rows if r.furthest >= place) for place, slug in enumerate(forward)}
    return Cohort(start, sum(r.number for r in rows), reached, sum(r.number for r in rows if r.lost))
