"""What crmkit keeps about its own work: the epoch of the policy, and how far long work has come."""

from __future__ import annotations

import sqlalchemy as sa

from crmkit.core.storage.columns import JsonText, Moment
from crmkit.core.storage.system_tables.making import system_table, text

__all__ = ["checkpoint", "epoch"]


def epoch(metadata: sa.MetaData) -> sa.Table:
    """One row: raised by every write that changes what somebody may do."""
    return system_table(
        metadata,
        "core_epoch",
        sa.Column("one", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
    )


def checkpoint(metadata: sa.MetaData) -> sa.Table:
    """How far a long job has come, written in the same transaction as its work."""
    return system_table(
        metadata,
        "core_checkpoint",
        sa.Column("key", text(200), primary_key=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("state", JsonText()),
        sa.Column("updated_at", Moment(), nullable=False),
    )
