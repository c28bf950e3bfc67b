"""Erasing again what a restored backup has brought back.

Which erasures those are is kept in a checkpoint until they are done: a backup of an older version is first brought up
to date by ``crmkit db apply``, and nobody can open the CRM before that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.privacy.belonging import Key, by_entity
from crmkit.core.privacy.erasing import erase_records
from crmkit.core.privacy.tombstones import Tombstone, remember
from crmkit.core.storage.batches import padded_batches

if TYPE_CHECKING:
    from crmkit.core.crm import CRM
    from crmkit.core.writing.writer import Writer

__all__ = ["is_due", "keep_due", "replay_due"]

_DUE = "core.erasures"


def keep_due(crm: CRM, connection: Connection, tombstones: Iterable[Tombstone]) -> int:
    """Keep that *tombstones* are to be replayed in the database of *connection*, and return how many there are."""
    due = msgspec.to_builtins(list(tombstones))
    table = crm.schema.system.checkpoint
    if due:
        connection.execute(sa.delete(table).where(table.c.key == _DUE))
        row = {"key": _DUE, "position": len(due), "state": due, "updated_at": crm.clock.now()}
        connection.execute(sa.insert(table).values(row))
    return len(due)


def is_due(crm: CRM, connection: Connection) -> bool:
    """Return whether erasures are to be replayed."""
    table = crm.schema.system.checkpoint
    return connection.scalar(sa.select(table.c.position).where(table.c.key == _DUE)) is not None


def replay_due(crm: CRM, connection: Connection) -> int:
    """Erase what is to be erased again, and return how many records that were; all in this transaction."""
    table = crm.schema.system.checkpoint
    due = connection.scalar(sa.select(table.c.state).where(table.c.key == _DUE))
    if due is None:
        return 0
    with crm.system_on(connection, "erasures are replayed") as writer:
        count = _replay(writer, msgspec.convert(due, list[Tombstone]))
    connection.execute(sa.delete(table).where(table.c.key == _DUE))
    return count


def _replay(writer: Writer, tombstones: Sequence[Tombstone]) -> int:
    known = writer.model.registry.entities
    wanted = {(stone.entity, stone.record_id): stone for stone in tombstones if stone.entity in known}
    back = [key for entity, ids in by_entity(wanted).items() for key in _brought_back(writer, entity, ids)]
    count = erase_records(writer, back) if back else 0
    remember(writer, tombstones)
    return count


def _brought_back(writer: Writer, entity: str, ids: Sequence[UUID]) -> list[Key]:
    """Return those of *ids* that the database has, and has not erased itself."""
    table, erasure = (
        writer.model.schema.table(writer.model.registry.entities[entity]),
        writer.model.schema.system.erasure,
    )
    erased: Any = sa.exists().where(erasure.c.record_id == table.c.id, erasure.c.entity == entity)
    found: list[Key] = []
    for batch in padded_batches(ids):
        rows = writer.connection.scalars(sa.select(table.c.id).where(table.c.id.in_(batch), ~erased))
        found += [(entity, id_) for id_ in rows]
    return found
