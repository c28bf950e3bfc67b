"""Making, publishing and discarding drafts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crmkit.core.entity import entity_info
from crmkit.core.errors import NotFoundError
from crmkit.core.pipelines import Pipeline
from crmkit.core.publishing.checking import check_may_edit, check_pipeline, current, read_draft
from crmkit.core.publishing.entities import FIRST_LOCAL, PipelineVersion
from crmkit.core.publishing.written import read_pipeline, written_pipeline
from crmkit.core.shipped.pipeline_trees import definition_of, pipeline_tree
from crmkit.core.shipped.three_way import Forms
from crmkit.core.shipped.trees import members
from crmkit.core.writing.changes import Write, creation

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader
    from crmkit.core.writing.writer import Writer

__all__ = ["discard_draft", "draft_of", "keep_draft", "publish_draft", "save_draft", "versions_of"]


def save_draft(
    db: Writer, definition: Mapping[str, Any], *, mapping: Mapping[str, str] | None = None, note: str | None = None
) -> PipelineVersion:
    """Keep *definition* as the draft of the pipeline that it names, instead of the one before, and return it.

    *mapping* says into which stages those records go whose stage *definition* does not have any more.

    Raises:
        ForbiddenError: the principal may not edit pipelines.
        ValidationError: it is no pipeline, does not fit what the CRM consists of, or gives a slug another meaning;
            each problem names its place.
    """
    written: Any = definition
    check_may_edit(db, str(written.get("id") if isinstance(written, Mapping) else written))
    draft = read_pipeline(definition, 0)
    return keep_draft(db, draft, mapping=mapping, base=_base(db, draft), note=note)


def keep_draft(
    db: Writer,
    draft: Pipeline,
    *,
    base: Mapping[str, Any] | None,
    mapping: Mapping[str, str] | None = None,
    note: str | None = None,
) -> PipelineVersion:
    """Keep *draft* as :func:`save_draft` does; *base* is the shipped definition that it is to be merged against."""
    check_may_edit(db, draft.id)
    mapping = dict(mapping or {})
    check_pipeline(db, draft, mapping)
    shipped, now, existing = db.model.shipped_pipeline(draft.id), current(db, draft.id), _draft(db, draft.id)
    values: dict[str, Any] = {
        "definition": written_pipeline(draft),
        "mapping": mapping,
        "based_on": now.version if now else None,
        "base": shipped.version if shipped else None,
        "base_definition": base,
        "note": note,
    }
    if existing is not None:
        db.take(Write("update", entity_info(PipelineVersion), existing.id, values, trusted=True))
    else:
        numbers = [version.number for version in versions_of(db, draft.id)]
        number = max([FIRST_LOCAL - 1, *numbers]) + 1
        db.take(creation(PipelineVersion(pipeline=draft.id, number=number, **values), trusted=True))
    return draft_of(db, draft.id)


def _base(db: Reader, draft: Pipeline) -> Mapping[str, Any] | None:
    """Return what a later merge takes for the shipped definition.

    Whoever made the draft has seen the newest version of the company, not what the plugin ships today: only where
    the two differ has anybody decided.
    """
    shipped = db.model.shipped_pipeline(draft.id)
    if shipped is None:
        return None
    upstream = written_pipeline(shipped)
    published = [version for version in versions_of(db, draft.id) if version.published_at is not None]
    if not published or published[-1].base_definition is None:
        return upstream
    local = pipeline_tree(published[-1].definition)
    forms = Forms(pipeline_tree(published[-1].base_definition), local)
    edited = forms.edited(pipeline_tree(upstream), local, pipeline_tree(written_pipeline(draft)))
    return definition_of(members(edited.base), upstream)


def publish_draft(db: Writer, pipeline: str, *, note: str | None = None) -> PipelineVersion:
    """Make the draft of *pipeline* its newest version, which new records take, and return it.

    Records that stand in the pipeline already keep the version that they have entered until they are carried over.

    Raises:
        ForbiddenError: the principal may not edit pipelines.
        NotFoundError: there is no draft.
        ValidationError: it does not fit any more what the CRM consists of.
    """
    check_may_edit(db, pipeline)
    version = db.hold([draft_of(db, pipeline)])[0]
    check_pipeline(db, read_draft(version), version.mapping)
    values = {"published_at": db.now, "note": note or version.note}
    db.take(Write("update", entity_info(PipelineVersion), version.id, values, trusted=True))
    return db.trusted.get(PipelineVersion, version.id)


def discard_draft(db: Writer, pipeline: str) -> None:
    """Throw the draft of *pipeline* away.

    Raises:
        ForbiddenError: the principal may not edit pipelines.
        NotFoundError: there is no draft.
    """
    check_may_edit(db, pipeline)
    db.take(Write("delete", entity_info(PipelineVersion), draft_of(db, pipeline).id, {}, trusted=True))


def versions_of(db: Reader, pipeline: str) -> list[PipelineVersion]:
    """Return the versions of *pipeline* made at run time, oldest first, the draft last.

    Raises:
        ForbiddenError: the principal may not edit pipelines.
    """
    check_may_edit(db, pipeline)
    return db.trusted.find(PipelineVersion, PipelineVersion.f.pipeline == pipeline, order_by="number")


def draft_of(db: Reader, pipeline: str) -> PipelineVersion:
    """Return the draft of *pipeline*.

    Raises:
        ForbiddenError: the principal may not edit pipelines.
        NotFoundError: there is none.
    """
    found = _draft(db, pipeline)
    if found is None:
        raise NotFoundError("core.pipeline_version", pipeline)
    return found


def _draft(db: Reader, pipeline: str) -> PipelineVersion | None:
    drafts = [version for version in versions_of(db, pipeline) if version.published_at is None]
    return drafts[0] if drafts else None
