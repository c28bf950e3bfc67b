"""What is kept of erasures: ids and times, and which content is still to be deleted."""

from __future__ import annotations

import sqlalchemy as sa

from crmkit.core.storage.columns import Id, Moment
from crmkit.core.storage.system_tables.making import counter, system_table, text

__all__ = ["erasure", "unwanted_content"]


def erasure(metadata: sa.MetaData) -> sa.Table:
    """One row for each record that was erased; a restored backup is compared with them."""
    return system_table(
        metadata,
        "core_erasure",
        sa.Column("id", counter(), primary_key=True, autoincrement=True),
        sa.Column("entity", text(80), nullable=False),
        sa.Column("record_id", Id(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Index("ix_core_erasure_record_id_entity", "record_id", "entity"),
    )


def unwanted_content(metadata: sa.MetaData) -> sa.Table:
    """One row for each content whose records were erased, until it is deleted."""
    return system_table(
        metadata,
        "core_unwanted_content",
        sa.Column("hash", text(64), primary_key=True),
        sa.Column("at", Moment(), nullable=False),
    )
