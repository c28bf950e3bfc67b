"""Moving records from one pipeline to another of their entity.

The kind of the stage stays: what is won stays won. Into another stage than the first leads only what the new pipeline
asks of those who move there: one of its moves into the stage, with its guards, roles and approval.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from crmkit.core.errors import FieldProblem, ValidationError
from crmkit.core.pipelines import Move, Pipeline, Stage, UnknownPipelineError
from crmkit.core.text import gettext as _
from crmkit.core.writing.changes import Write

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["target_of", "ways_into"]


def target_of(
    writer: Writer, write: Write, pipeline: str, stages: Mapping[str, str] | str | None
) -> tuple[Pipeline, Stage]:
    """Return the pipeline and the stage into which *write* brings its record.

    *stages* is one stage for all, or maps the stages of old to new ones; without, records keep their slug.

    Raises:
        UnknownPipelineError: the entity has no such pipeline.
        UnknownStageError: the pipeline has no such stage.
        ValidationError: *stages* says nothing about the stage in which the record stands.
    """
    known = {each.id: each for each in writer.model.registry.pipelines_of(write.entity.id)}
    if pipeline not in known:
        raise UnknownPipelineError(write.entity.id, pipeline, list(known))
    source = write.stored["stage"]
    if isinstance(stages, str):
        slug = stages
    elif stages is None:
        slug = source
    elif source in stages:
        slug = stages[source]
    else:
        message = _("the mapping says nothing about records in the stage {stage!r}")
        raise ValidationError(write.entity.id, [FieldProblem("stage", message, "required", stage=source)])
    return known[pipeline], known[pipeline].stage(slug)


def ways_into(pipeline: Pipeline, stage: Stage, kind: str) -> list[Move]:
    """Return the moves of which one must allow a record whose stage was of *kind* to enter *stage* from elsewhere."""
    if stage.kind != kind:
        return []
    if stage == pipeline.first:
        return [Move(stage.slug, stage.slug)]
    return [move for move in pipeline.moves if move.target == stage.slug]
