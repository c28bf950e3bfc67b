"""Holding records that decide about a write without being written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from crmkit.core.entity import EntityInfo
from crmkit.core.errors import NotFoundError
from crmkit.core.writing.values import record_from_values

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["hold"]


def hold(writer: Writer, info: EntityInfo, ids: Sequence[UUID]) -> dict[UUID, Any]:
    """Return the records of *info* with these *ids*, locked against change until the transaction of *writer* ends.

    Raises:
        NotFoundError: one is gone or not visible.
    """
    stored = writer.stored_rows(info, "update", sorted(set(ids)))
    readable = writer.access.entity(info).readable
    held: dict[UUID, Any] = {}
    for id_ in ids:
        values, visible, _allowed = stored.get(id_, ({}, False, False))
        if not visible or values["deleted_at"] is not None:
            raise NotFoundError(info.id, id_)
        held[id_] = record_from_values(info, readable, values)
    return held
