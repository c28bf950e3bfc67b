"""Locks on rows, in the order of ids so that two batches of the same rows never wait for each other.

Only PostgreSQL needs them: SQLite has one writer at a time. What is about to be deleted keeps out everybody; what is
about to be changed may be referred to meanwhile, and what is referred to may be changed but not deleted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import sqlalchemy as sa

__all__ = ["Purpose", "locked"]

Purpose = Literal["delete", "change", "refer"]
# As PostgreSQL calls them: FOR UPDATE, FOR NO KEY UPDATE and FOR KEY SHARE.
_STRENGTH: Mapping[Purpose, Mapping[str, bool]] = {
    "delete": {},
    "change": {"key_share": True},
    "refer": {"key_share": True, "read": True},
}


def locked(statement: sa.Select[Any], table: sa.Table, dialect: str, purpose: Purpose) -> sa.Select[Any]:
    """Return *statement*, a select of rows of *table*, which locks them for *purpose* until the transaction ends."""
    if dialect != "postgresql":
        return statement
    return statement.order_by(table.c.id).with_for_update(of=table, **_STRENGTH[purpose])
