"""Shipped pipelines that are edited here: what the plugin ships meanwhile becomes a draft."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import TYPE_CHECKING

from crmkit.core.entity import entity_info
from crmkit.core.errors import ForbiddenError
from crmkit.core.publishing.checking import check_may_edit
from crmkit.core.publishing.drafting import keep_draft, versions_of
from crmkit.core.publishing.entities import PipelineVersion
from crmkit.core.publishing.written import read_pipeline, written_pipeline
from crmkit.core.shipped.kinds import Edited, Kind
from crmkit.core.shipped.pipeline_trees import acceptable, definition_of, pipeline_tree, pipeline_waits
from crmkit.core.shipped.three_way import Forms
from crmkit.core.shipped.trees import members
from crmkit.core.writing.changes import Write

if TYPE_CHECKING:
    from crmkit.core.pipelines import Pipeline
    from crmkit.core.reading.reader import Reader
    from crmkit.core.writing.writer import Writer

__all__ = ["PIPELINES"]


def _edited(db: Reader) -> Iterator[Edited]:
    """Yield each pipeline that a plugin ships and of which there is a version of the company's, the draft included."""
    try:
        check_may_edit(db, "*")
    except ForbiddenError:
        return
    versions = db.trusted.find(PipelineVersion, order_by=("pipeline", "number"))
    for id_, group in groupby(versions, key=lambda version: version.pipeline):
        *_earlier, newest = group
        shipped = db.model.shipped_pipeline(id_)
        if shipped is not None and newest.base_definition is not None:
            forms = Forms(pipeline_tree(newest.base_definition), pipeline_tree(newest.definition))
            upstream, version = pipeline_tree(written_pipeline(shipped)), db.model.version_of(id_)
            base = None if newest.base is None else str(newest.base)
            yield Edited("pipeline", id_, forms, upstream, base, version, pipeline_waits)


def _keep(db: Writer, edited: Edited, forms: Forms, mapping: Mapping[str, str]) -> None:
    check_may_edit(db, edited.thing)
    newest, shipped = versions_of(db, edited.thing)[-1], _shipped(db, edited.thing)
    base = definition_of(members(forms.base), written_pipeline(shipped))
    if forms.local == edited.forms.local:
        # A decision for what is there already needs no new version.
        values = {"base_definition": base}
        db.take(Write("update", entity_info(PipelineVersion), newest.id, values, version=newest.version, trusted=True))
        return
    draft = read_pipeline(definition_of(members(forms.local), newest.definition), 0)
    slugs = {stage.slug for stage in draft.stages}
    drafted = {} if newest.published_at else newest.mapping
    kept = {source: target for source, target in drafted.items() if source not in slugs and target in slugs}
    keep_draft(db, draft, base=base, mapping={**kept, **mapping}, note=None if newest.published_at else newest.note)


def _reset(db: Writer, edited: Edited) -> None:
    shipped = _shipped(db, edited.thing)
    keep_draft(db, shipped, base=written_pipeline(shipped))


def _shipped(db: Reader, pipeline: str) -> Pipeline:
    shipped = db.model.shipped_pipeline(pipeline)
    assert shipped is not None
    return shipped


PIPELINES = Kind("pipeline", _edited, _keep, _reset, acceptable)
