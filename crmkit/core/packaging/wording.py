"""Every text of a package that people read, with its translations."""

from __future__ import annotations

from collections.abc import Iterator

from crmkit.core.fields import Choice
from crmkit.core.packaging.package import Package, PackagedEntity, PackagedField
from crmkit.core.pipelines import Pipeline, Stage
from crmkit.core.text import LabelledText, Text

__all__ = ["texts_of"]


def texts_of(package: Package) -> Iterator[Text]:
    """Yield the texts of what *package* declares, those that were made at run time as :class:`LabelledText`."""
    for entity in package.entities:
        yield from _of_entity(entity)
    for extension in package.extensions:
        for field in extension.fields:
            yield from _of_field(field)


def _of_entity(entity: PackagedEntity) -> Iterator[Text]:
    yield entity.info.label
    if entity.followed is not None:
        yield entity.followed
    for field in entity.fields:
        yield from _of_field(field)
    # Editing a pipeline keeps the sources of its labels; what it was before has their translations.
    for pipeline in (*entity.past, *entity.pipelines):
        yield from _of_pipeline(pipeline)


def _of_field(field: PackagedField) -> Iterator[Text]:
    yield LabelledText(field.definition.label, field.definition.labels)
    if field.definition.help:
        yield Text(field.definition.help)
    if isinstance(field.type, Choice):
        yield from (option.label for option in field.type.options)


def _of_pipeline(pipeline: Pipeline) -> Iterator[Text]:
    yield pipeline.label
    for stage in pipeline.stages:
        yield from _of_stage(stage)


def _of_stage(stage: Stage) -> Iterator[Text]:
    yield stage.label
    yield from (task.title for task in stage.tasks)
    if stage.reasons is not None:
        yield from (option.label for option in stage.reasons.options)
