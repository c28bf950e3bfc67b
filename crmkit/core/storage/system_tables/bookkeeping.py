"""What crmkit keeps about its own work: the epochs of policy and definitions, and how far long work has come."""

from __future__ import annotations

import sqlalchemy as sa

from crmkit.core.storage.columns import JsonText, Moment
from crmkit.core.storage.system_tables.making import system_table, text

__all__ = ["checkpoint", "epoch"]


def epoch(metadata: sa.MetaData) -> sa.Table:
    """One row: *value* is raised by what changes what somebody may do, *definitions* by what is defined at run time.

    *keys* is raised by every change of the keys of encrypted fields.
    """
    return system_table(
        metadata,
        "core_epoch",
        sa.Column("one", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("definitions", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("keys", sa.BigInteger(), server_default="0", nullable=False),
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
