"""Which users were offboarded, and where the ledger says what that did."""

from __future__ import annotations

import sqlalchemy as sa

from crmkit.core.storage.columns import Id, Moment
from crmkit.core.storage.system_tables.making import counter, system_table

__all__ = ["offboarding"]


def offboarding(metadata: sa.MetaData) -> sa.Table:
    """One row for each offboarding, with the first and the last row of the ledger that it wrote."""
    return system_table(
        metadata,
        "core_offboarding",
        sa.Column("id", counter(), primary_key=True, autoincrement=True),
        sa.Column("user_id", Id(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("by", Id()),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("returned_at", Moment()),
        sa.Index("ix_core_offboarding_user_id_id", "user_id", "id"),
    )
