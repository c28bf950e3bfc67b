"""Whether a draft may become the next version of its pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from crmkit.core.errors import FieldProblem, ForbiddenError, ValidationError
from crmkit.core.pipelines import Pipeline, Stage
from crmkit.core.publishing.entities import PipelineVersion
from crmkit.core.publishing.written import read_pipeline
from crmkit.core.registry_checks import check_claim
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader

__all__ = ["check_may_edit", "check_pipeline", "current", "earlier_stages"]

LOCAL = "custom"


def check_may_edit(db: Reader, pipeline: str) -> None:
    """Return if the principal may edit pipelines: with a grant of ``update`` on every ``core.pipeline_version``.

    Raises:
        ForbiddenError: there is no such grant.
    """
    access = db.access.entity(db.model.registry.entity(PipelineVersion))
    if not db.access.is_system and access.scope("update").level != "all":
        raise ForbiddenError("core.pipeline_version", "update", pipeline)


def current(db: Reader, pipeline: str) -> Pipeline | None:
    """Return the newest version of *pipeline*; ``None`` for one that is new."""
    return db.model.registry.pipelines.get(pipeline)


def check_pipeline(db: Reader, draft: Pipeline, mapping: Mapping[str, str]) -> None:
    """Return if *draft*, with *mapping* for the stages that go, may become the next version of its pipeline.

    Raises:
        ValidationError: it does not fit what the CRM consists of, or gives a slug another meaning.
    """
    problems = [*_check_id(db, draft), *_check_stages(db, draft), *_check_mapping(db, draft, mapping)]
    problems += _check_roles(db, draft)
    if not problems:
        reasons = check_claim(db.model.registry, draft)
        problems = [FieldProblem("definition", _("{reason}"), reason=str(reason)) for reason in reasons]
    if problems:
        raise ValidationError("core.pipeline_version", problems)


def _check_id(db: Reader, draft: Pipeline) -> Iterator[FieldProblem]:
    now = current(db, draft.id)
    if now is None and draft.id.partition(".")[0] != LOCAL:
        yield FieldProblem("id", _("the id of a new pipeline begins with 'custom.'"))
    if now is not None and now.entity != draft.entity:
        yield FieldProblem("entity", _("a pipeline stays that of {entity}"), entity=now.entity)


def earlier_stages(db: Reader, pipeline: str) -> dict[str, Stage]:
    """Return every stage that *pipeline* ever had by slug, as its newest version with it declares it."""
    now = current(db, pipeline)
    versions = [*db.model.registry.past_versions(pipeline), *([now] if now else [])]
    return {stage.slug: stage for version in versions for stage in version.stages}


def _check_stages(db: Reader, draft: Pipeline) -> Iterator[FieldProblem]:
    """Yield a problem for each slug that would get another meaning: records and visits of old keep it for ever."""
    now = current(db, draft.id)
    known = {stage.slug for stage in now.stages} if now else set()
    earlier = earlier_stages(db, draft.id)
    for place, stage in enumerate(draft.stages):
        before = earlier.get(stage.slug)
        if before is None:
            continue
        where = f"stages[{place}]"
        if before.kind != stage.kind:
            message = _("the stage {stage!r} is of the kind {kind}; take another slug for another meaning")
            yield FieldProblem(f"{where}.kind", message, stage=stage.slug, kind=before.kind)
        elif stage.slug not in known and str(before.label) != str(stage.label):
            message = _("the retired stage {stage!r} was called {label!r}; take another slug for another stage")
            yield FieldProblem(f"{where}.slug", message, stage=stage.slug, label=str(before.label))


def _check_mapping(db: Reader, draft: Pipeline, mapping: Mapping[str, str]) -> Iterator[FieldProblem]:
    slugs = {stage.slug: stage for stage in draft.stages}
    earlier = earlier_stages(db, draft.id)
    for source, target in mapping.items():
        where = f"mapping.{source}"
        if source in slugs or source not in earlier:
            yield FieldProblem(where, _("only stages that go are mapped"))
        elif target not in slugs:
            yield FieldProblem(where, _("there is no stage {stage!r}"), stage=target)
        elif slugs[target].kind != earlier[source].kind:
            yield FieldProblem(where, _("a mapping keeps the kind of the stage"))


def _check_roles(db: Reader, draft: Pipeline) -> Iterator[FieldProblem]:
    known = db.model.accesses.roles(db.connection)
    for place, move in enumerate(draft.moves):
        asked = {*move.roles, *(move.approval.roles if move.approval else ())}
        for role in sorted(asked - known.keys()):
            yield FieldProblem(f"moves[{place}]", _("there is no role {role!r}"), role=role)


def read_draft(version: PipelineVersion) -> Pipeline:
    """Return the pipeline that *version* holds."""
    return read_pipeline(version.definition, version.number)
