"""Whose turn it is where automations assign records to several people."""

from __future__ import annotations

import sqlalchemy as sa

from crmkit.core.storage.columns import Id
from crmkit.core.storage.system_tables.making import system_table, text

__all__ = ["turn"]


def turn(metadata: sa.MetaData) -> sa.Table:
    """One row for each action that assigns; who assigns holds it, so that no two take the same turn."""
    return system_table(
        metadata,
        "core_turn",
        sa.Column("key", text(120), primary_key=True),
        sa.Column("last_id", Id()),
        sa.Column("turns", sa.BigInteger(), nullable=False),
    )
