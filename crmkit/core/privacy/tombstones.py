"""What is kept of erasures: which records were erased and when, so that a restored backup does not bring them back.

A tombstone holds ids and times, and nothing that tells who it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.errors import ForbiddenError
from crmkit.core.policy.roles import EVERY_ENTITY
from crmkit.core.privacy.belonging import Key

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader
    from crmkit.core.storage.schema import Schema
    from crmkit.core.writing.writer import Writer

__all__ = ["Tombstone", "bury", "erasures", "read_tombstones", "remember", "unwant"]


@attrs.frozen
class Tombstone:
    """That a record was erased, and when."""

    entity: str
    record_id: UUID
    at: datetime


def bury(writer: Writer, keys: Iterable[Key]) -> None:
    """Keep that the records of *keys* were erased now."""
    rows = [{"entity": entity, "record_id": id_, "at": writer.now} for entity, id_ in keys]
    writer.connection.execute(sa.insert(writer.model.schema.system.erasure), rows)


def remember(writer: Writer, tombstones: Iterable[Tombstone]) -> None:
    """Keep *tombstones* from elsewhere, those that are not here: an older backup may still hold what they tell of."""
    table = writer.model.schema.system.erasure
    known = {(stone.entity, stone.record_id) for stone in read_tombstones(writer.connection, writer.model.schema)}
    rows = [attrs.asdict(stone) for stone in tombstones if (stone.entity, stone.record_id) not in known]
    if rows:
        writer.connection.execute(sa.insert(table), rows)


def read_tombstones(connection: Connection, schema: Schema, since: datetime | None = None) -> Iterator[Tombstone]:
    """Yield all tombstones, or those of erasures *since* then, oldest first."""
    table = schema.system.erasure
    asked = sa.select(table.c.entity, table.c.record_id, table.c.at).order_by(table.c.id)
    for row in connection.execute(asked if since is None else asked.where(table.c.at >= since)):
        yield Tombstone(row.entity, row.record_id, row.at)


def erasures(db: Reader) -> Iterator[Tombstone]:
    """Yield all tombstones, oldest first, to who may erase every record: a part of them would bring the rest back.

    Raises:
        ForbiddenError: the principal may not.
    """
    access = db.access
    grants = [grant for role in access.roles for grant in role.grants if "erase" in grant.verbs]
    everywhere = any((grant.entity, grant.scope) == (EVERY_ENTITY, "all") for grant in grants)
    if not access.is_system and (access.is_limited or not everywhere):
        raise ForbiddenError("core.erasure", "read", EVERY_ENTITY)
    return read_tombstones(db.connection, db.model.schema)


def unwant(writer: Writer, hashes: Iterable[str]) -> None:
    """Keep which content is to be deleted once this transaction has committed, unless another record has it."""
    table = writer.model.schema.system.unwanted_content
    wanted = sorted(set(hashes))
    known: set[Any] = set(writer.connection.scalars(sa.select(table.c.hash))) if wanted else set()
    # The time of the file system: content that is put again later stays.
    rows = [{"hash": hash_, "at": datetime.now(UTC)} for hash_ in wanted if hash_ not in known]
    if rows:
        writer.connection.execute(sa.insert(table), rows)
