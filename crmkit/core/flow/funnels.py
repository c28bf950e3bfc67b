"""Boards and funnels: how many records stand in each stage, now or at a moment that has passed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import reduce
from operator import and_
from typing import Any, Literal, get_args

import attrs

from crmkit.core.entity import Record
from crmkit.core.flow.choosing import choose, require
from crmkit.core.flow.periods import check_choice, check_moment
from crmkit.core.flow.standing import standing_then
from crmkit.core.pipelines import Pipeline, Stage
from crmkit.core.pipelines.stages import StageKind
from crmkit.core.reading.measures import count, total
from crmkit.core.reading.reader import Reader
from crmkit.core.reading.transaction import Condition
from crmkit.core.rules.rule import Rule
from crmkit.core.text import Text

__all__ = ["Amounts", "Funnel", "Lane", "board", "funnel"]

Amounts = Literal["now", "then"]


@attrs.frozen
class Lane:
    """One stage and what stands in it.

    *amount* is in the company's currency; ``None`` if it was not asked for. *unpriced* records have none, or none that
    was known then. *overdue* ones have stood there longer than expected; ``None`` where that is not told. A retired
    stage is none of the pipeline's any more, but still occupied.
    """

    slug: str
    label: Text | str
    kind: StageKind
    probability: int
    count: int
    amount: Decimal | None = None
    unpriced: int = 0
    overdue: int | None = None
    is_retired: bool = False


@attrs.frozen
class Funnel:
    """The lanes of a pipeline in its *version* of today, as one principal sees them, *at* a moment or now."""

    pipeline: str
    version: int
    currency: str
    at: datetime | None
    lanes: tuple[Lane, ...]

    @property
    def count(self) -> int:
        """How many records there are."""
        return sum(lane.count for lane in self.lanes)

    def lane(self, slug: str) -> Lane:
        """Return the lane of the stage *slug*; it must be there."""
        return next(lane for lane in self.lanes if lane.slug == slug)


def funnel(
    db: Reader,
    entity: type[Record],
    pipeline: str | None = None,
    *,
    amount: str | None = None,
    at: datetime | None = None,
    amounts: Amounts = "now",
    where: Condition = None,
) -> Funnel:
    """Return how many of the records that the reader sees stand in each stage of *pipeline*, or stood there *at*.

    *amount* names the field of money that is added up. Of a moment that has passed, stages are those of the visits;
    records that are deleted since are not counted, and who may see a record is decided by today's policy. *amounts*
    says whether money is what the records hold now, or what they held ``then`` by the ledger, in the company's currency
    by the rate of that day. Counted are the records for which *where* holds today.

    Raises:
        ReportError: *at* is no moment with its zone, or *amounts* neither ``now`` nor ``then``.
        UnknownPipelineError: the entity has no such pipeline.
        UnknownFieldError: the stage, the amount or what *where* names is hidden, or does not exist.
    """
    check_choice(amounts, get_args(Amounts))
    check_moment(at)
    chosen = choose(db, entity, pipeline)
    if at is None:
        found = _standing_now(db, entity, chosen, amount, where)
    else:
        require(db, entity, ["stage_entered_at", *([amount] if amount else [])])
        found = standing_then(db, entity, chosen.id, at, amount, amounts, where)
    past = db.model.registry.past_versions(chosen.id)
    return Funnel(chosen.id, chosen.version, db.currency, at, _lanes(chosen, past, found, amount))


def board(
    db: Reader,
    entity: type[Record],
    pipeline: str | None = None,
    *,
    amount: str | None = None,
    where: Condition = None,
) -> Funnel:
    """Return the funnel of now with how many records of each lane are overdue, in two statements.

    Lanes that are retired come last, while something stands in them. Counted are the records for which *where* holds.

    Raises:
        UnknownPipelineError: the entity has no such pipeline.
        UnknownFieldError: the stage, the amount or what *where* names is hidden, or does not exist.
    """
    found = funnel(db, entity, pipeline, amount=amount, where=where)
    if "stage_entered_at" not in db.readable_fields(entity):
        return found
    late = _all(where, Rule.parse("overdue()"), _within(entity, found.pipeline))
    rows = db.aggregate(entity, group_by="stage", measures={"count": count()}, where=late)
    overdue = {row["stage"]: int(row["count"]) for row in rows}
    lanes = [attrs.evolve(lane, overdue=overdue.get(lane.slug, 0)) for lane in found.lanes]
    return attrs.evolve(found, lanes=tuple(lanes))


def _within(entity: type[Record], pipeline: str) -> Rule:
    within: Rule = entity.f.pipeline == pipeline
    return within


def _all(where: Condition, *rules: Rule) -> Rule | None:
    every = [*rules, *([] if where is None else [Rule.of(where)])]
    return reduce(and_, every) if every else None


def _standing_now(
    db: Reader, entity: type[Record], pipeline: Pipeline, amount: str | None, where: Condition
) -> dict[str, Mapping[str, Any]]:
    measures = {"count": count(), **({"amount": total(amount), "priced": count(amount)} if amount else {})}
    # Of one pipeline alone every record is part, and without the condition an index answers.
    within = [_within(entity, pipeline.id)] if len(db.pipelines(entity)) > 1 else []
    rows = db.aggregate(entity, group_by="stage", measures=measures, where=_all(where, *within))
    return {str(row["stage"]): row for row in rows}


def _lanes(
    pipeline: Pipeline, past: Sequence[Pipeline], found: dict[str, Mapping[str, Any]], amount: str | None
) -> tuple[Lane, ...]:
    lanes = [_lane(stage, found.pop(stage.slug, {}), amount) for stage in pipeline.stages]
    known = {stage.slug: stage for version in past for stage in version.stages}
    retired = [known.get(slug, Stage(slug, Text(slug))) for slug in sorted(found)]
    lanes += [attrs.evolve(_lane(stage, found[stage.slug], amount), is_retired=True) for stage in retired]
    return tuple(lanes)


def _lane(stage: Stage, row: Mapping[str, Any], amount: str | None) -> Lane:
    number = int(row.get("count", 0))
    lane = Lane(stage.slug, stage.label, stage.kind, stage.probability, number)
    if amount is None:
        return lane
    priced = int(row.get("priced", 0))
    return attrs.evolve(lane, amount=row.get("amount") or Decimal(0), unpriced=number - priced)
