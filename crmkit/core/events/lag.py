"""How far the telling of events has come, and how much of the ledger is left."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from crmkit.core.storage.database_objects import TOLD
from crmkit.core.storage.schema import Schema

__all__ = ["told", "untold"]


def told(schema: Schema) -> sa.Select[Any]:
    """Return the statement for the position in the ledger up to which everything has been told."""
    checkpoint = schema.system.checkpoint
    return sa.select(checkpoint.c.position).where(checkpoint.c.key == TOLD)


def untold(schema: Schema) -> sa.Select[Any]:
    """Return the statement for how many rows of the ledger nobody has looked at yet."""
    head = sa.select(schema.system.ledger_head.c.last_id)
    return sa.select(head.scalar_subquery() - told(schema).scalar_subquery())
