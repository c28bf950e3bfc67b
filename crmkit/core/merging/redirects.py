"""Where merged records went: asked only where a record was not found, so that nobody else pays for it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crmkit.core.entity import EntityInfo
from crmkit.core.storage.batches import id_parameters
from crmkit.core.storage.codecs import id_decoder
from crmkit.core.text import is_storable

if TYPE_CHECKING:
    from crmkit.core.reading.transaction import Transaction

__all__ = ["merged_number", "winners_of"]


def winners_of(reader: Transaction, info: EntityInfo, ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """Return the record that each of *ids* was merged into, at the end of its chain; the others are absent.

    For crmkit's own steps: whether the principal sees that record is not asked.
    """
    decode, table = id_decoder(reader.model.storage.dialect.name), reader.model.schema.system.merge
    statement = partial(_winners, table, info.id)
    found: dict[UUID, UUID] = {}
    todo = set(ids)
    while todo:
        rows = reader.rows_by_ids(("merged", info.id), statement, sorted(todo))
        step = {decode(record): decode(winner) for record, winner in rows}
        # Each step leads on; a record that was seen already would be a circle, which no merge can make.
        todo = set(step.values()) - found.keys()
        found |= step
    return {id_: _end(found, id_) for id_ in ids if id_ in found}


def _winners(table: sa.Table, entity: str, number: int) -> sa.Select[Any]:
    of_these = (table.c.entity == entity, table.c.record_id.in_(id_parameters(number)))
    return sa.select(table.c.record_id, table.c.winner_id).where(*of_these)


def _end(steps: dict[UUID, UUID], id_: UUID) -> UUID:
    while id_ in steps:
        id_ = steps[id_]
    return id_


def merged_number(reader: Transaction, info: EntityInfo, number: object) -> UUID | None:
    """Return the merged record that has the human *number*; ``None`` if there is none, or if numbers are hidden."""
    if info.number is None or info.number.name not in reader.access.entity(info).readable:
        return None
    if not isinstance(number, str) or not is_storable(number):
        return None
    table = reader.model.schema.system.merge

    def statement() -> sa.Select[Any]:
        asked = sa.bindparam("number", type_=table.c.number.type, required=True)
        return sa.select(table.c.record_id).where(table.c.entity == info.id, table.c.number == asked)

    rows = reader.rows_for(("merged under", info.id), statement, {"number": number})
    return id_decoder(reader.model.storage.dialect.name)(rows[0][0]) if rows else None
