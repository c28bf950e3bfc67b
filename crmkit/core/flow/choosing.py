"""Which pipeline is asked about, and whether the reader may ask."""

from __future__ import annotations

from collections.abc import Iterable

from crmkit.core.entity import Record
from crmkit.core.errors import UnknownFieldError
from crmkit.core.pipelines import Pipeline, UnknownPipelineError
from crmkit.core.reading.reader import Reader

__all__ = ["choose", "require"]


def choose(db: Reader, entity: type[Record], pipeline: str | None) -> Pipeline:
    """Return the *pipeline* of *entity* with this id, or the one of new records.

    Raises:
        UnknownPipelineError: the entity has none with this id.
        UnknownFieldError: its records stand in no pipeline, or in which stage they stand is hidden.
    """
    require(db, entity, ["stage", "pipeline"])
    known = {each.id: each for each in db.pipelines(entity)}
    chosen = known.get(pipeline or next(iter(known)))
    if chosen is None:
        raise UnknownPipelineError(db.model.registry.entity(entity).id, str(pipeline), list(known))
    return chosen


def require(db: Reader, entity: type[Record], fields: Iterable[str]) -> None:
    """Return if the reader may read *fields* of *entity*.

    Raises:
        UnknownFieldError: the first that does not exist, or is hidden.
    """
    readable = db.readable_fields(entity)
    for field in fields:
        if field not in readable:
            raise UnknownFieldError(db.model.registry.entity(entity).id, field)
