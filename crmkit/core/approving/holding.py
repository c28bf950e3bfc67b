"""The record that a request is about, held so that nobody changes it while somebody decides about it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from crmkit.core.approving.standing import Standing, protected
from crmkit.core.entity import EntityInfo
from crmkit.core.errors import NotFoundError
from crmkit.core.pipelines import Move
from crmkit.core.registry import Registry
from crmkit.core.writing.changes import Write
from crmkit.core.writing.life import load_stored

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["hold_record", "move_between", "standing_of"]


def hold_record(writer: Writer, info: EntityInfo, record: UUID) -> Write:
    """Return the stored record as a write that is never made; it is locked until the transaction ends.

    Raises:
        NotFoundError: the principal does not see it, or not in which stage it stands.
    """
    write = Write("move", info, record, {})
    load_stored(writer, [write])
    if not {"pipeline", "stage"} <= writer.access.entity(info).readable:
        raise NotFoundError(info.id, record)
    return write


def standing_of(writer: Writer, write: Write) -> Standing:
    """Return what of the record of *write*, with the values that it will have, decides about a request."""
    value = protected(writer.model, write.entity.id, write.get)
    return Standing(write.get("pipeline"), write.stored["stage"], write.get("owner_id"), value)


def move_between(registry: Registry, pipeline: str, version: int, source: str, target: str) -> Move | None:
    """Return the move of a *version* of a pipeline from one stage to another, if there is one."""
    known = registry.pipelines.get(pipeline)
    return registry.pinned(known, version).moves_from(source).get(target) if known else None
