"""Forgetting which rows of the ledger were written together, once they are told and nobody can ask for it any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from crmkit.core.storage.database_objects import TOLD
from crmkit.core.storage.schema import Schema

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["FORGOTTEN", "forget_outbox"]

#: The checkpoint up to which rows of the outbox may be missing.
FORGOTTEN = "forgotten"
_AT_ONCE = 1000


def forget_outbox(open_writer: Callable[[], AbstractContextManager[Writer]], before: datetime) -> Iterator[int]:
    """Delete the rows of the outbox from *before* that moment, some in each transaction, and yield how many those were.

    Kept are those of which something is still to be told, the newest, and those of transactions in which a deletion
    took something along: whoever restores the record gets that back by them. The ledger stays as it is.
    """
    while True:
        with open_writer() as writer:
            forgotten = _forget(writer.connection, writer.model.schema, before)
        if not forgotten:
            return
        yield forgotten


def _forget(connection: Connection, schema: Schema, before: datetime) -> int:
    outbox, ledger, head = schema.system.outbox, schema.system.ledger, schema.system.ledger_head
    checkpoint = schema.system.checkpoint
    told = sa.select(checkpoint.c.position).where(checkpoint.c.key == TOLD).scalar_subquery()
    newest = sa.select(head.c.last_id).scalar_subquery()
    took_along = sa.exists().where(
        ledger.c.id.between(outbox.c.first_id, outbox.c.last_id), ledger.c.kind == "delete", ledger.c.depth > 0
    )
    done = (outbox.c.at < before, outbox.c.last_id <= told, outbox.c.last_id < newest, ~took_along)
    old = connection.execute(
        sa.select(outbox.c.first_id, outbox.c.last_id).where(*done).order_by(outbox.c.first_id).limit(_AT_ONCE)
    ).all()
    if old:
        # Between the first and the last there may be some that stay.
        among = sa.select(outbox.c.first_id).where(*done, outbox.c.first_id <= old[-1].first_id)
        connection.execute(sa.delete(outbox).where(outbox.c.first_id.in_(among)))
        _note(connection, checkpoint, old[-1].last_id, before)
    return len(old)


def _note(connection: Connection, checkpoint: sa.Table, position: int, at: datetime) -> None:
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    first = make(checkpoint).values(key=FORGOTTEN, position=position, updated_at=at)
    reached = {"position": first.excluded.position, "updated_at": first.excluded.updated_at}
    further = checkpoint.c.position < first.excluded.position
    connection.execute(first.on_conflict_do_update(index_elements=[checkpoint.c.key], set_=reached, where=further))
