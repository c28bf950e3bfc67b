"""Making system tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from crmkit.core.fields import Column as Slot
from crmkit.core.storage.columns import sql_type

__all__ = ["counter", "system_table", "text"]


def system_table(metadata: sa.MetaData, name: str, *parts: sa.schema.SchemaItem) -> sa.Table:
    """Return the table *name* of the core, made in *metadata*."""
    return sa.Table(name, metadata, *parts, info={"owner": "core"})


def text(length: int) -> Any:
    """Return the type of text of at most *length* characters, compared by code point."""
    return sql_type(Slot("", "text", length=length))


def counter() -> Any:
    """Return the type of a 64-bit number that can be a primary key on both databases."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")
