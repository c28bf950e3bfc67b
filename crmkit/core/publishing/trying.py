"""What publishing a draft would do, tried without writing anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from crmkit.core.pipelines import Pipeline, Stage
from crmkit.core.publishing.checking import check_pipeline, current, read_draft
from crmkit.core.publishing.drafting import draft_of
from crmkit.core.reading.measures import count
from crmkit.core.rules.rule import Rule

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader

__all__ = ["DryRun", "StageThatGoes", "try_draft"]


@attrs.frozen
class StageThatGoes:
    """A stage that the draft does not have, and the *count* of records in it that the reader sees.

    *target* is where the mapping brings them; without one, the stage stays as a retired lane while it is occupied.
    *missing* counts by field those that lack what the target requires, and so are left behind; *fails* by rule those
    that a guard in front of the target would refuse, which a mapping does not ask.
    """

    stage: str
    count: int
    target: str | None
    missing: dict[str, int]
    fails: dict[str, int]


@attrs.frozen
class DryRun:
    """What the draft *number* of a pipeline changes. Records that the reader does not see are in no count."""

    pipeline: str
    number: int
    new: tuple[str, ...]
    renamed: tuple[str, ...]
    goes: tuple[StageThatGoes, ...]


def try_draft(db: Reader, pipeline: str) -> DryRun:
    """Return what publishing the draft of *pipeline* would do.

    Raises:
        ForbiddenError: the principal may not edit pipelines.
        NotFoundError: there is no draft.
        ValidationError: it does not fit any more what the CRM consists of.
        UnknownFieldError: the principal may not know in which stages records stand.
    """
    version = draft_of(db, pipeline)
    draft, now = read_draft(version), current(db, pipeline)
    check_pipeline(db, draft, version.mapping)
    slugs = {stage.slug: stage for stage in draft.stages}
    before = {stage.slug: stage for stage in now.stages} if now else {}
    occupied = _occupied(db, draft)
    gone = [slug for slug in dict.fromkeys([*before, *occupied]) if slug not in slugs]
    return DryRun(
        pipeline,
        version.number,
        tuple(slug for slug in slugs if slug not in before),
        tuple(slug for slug in slugs if slug in before and str(before[slug].label) != str(slugs[slug].label)),
        tuple(_goes(db, draft, slug, occupied.get(slug, 0), slugs.get(version.mapping.get(slug, ""))) for slug in gone),
    )


def _occupied(db: Reader, draft: Pipeline) -> dict[str, int]:
    cls = db.model.registry.entities[draft.entity].cls
    rows = db.aggregate(cls, group_by="stage", measures={"count": count()}, where=cls.f.pipeline == draft.id)
    return {row["stage"]: row["count"] for row in rows}


def _goes(db: Reader, draft: Pipeline, slug: str, number: int, target: Stage | None) -> StageThatGoes:
    if target is None:
        return StageThatGoes(slug, number, None, {}, {})
    cls = db.model.registry.entities[draft.entity].cls
    here: Any = (cls.f.pipeline == draft.id) & (cls.f.stage == slug)
    missing = {name: db.count(cls, here & Rule.parse(f"{name} == null")) for name in target.required}
    rules = [g for m in draft.moves if m.target == target.slug for g in m.guards if isinstance(g, Rule)]
    fails = {rule.text: db.count(cls, here & ~rule) for rule in rules}
    return StageThatGoes(slug, number, target.slug, missing, fails)
