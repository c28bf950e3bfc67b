"""Which code asked for a way past the wall and was refused."""

from __future__ import annotations

import sqlalchemy as sa

from crmkit.core.storage.columns import Id, Moment
from crmkit.core.storage.system_tables.making import counter, system_table, text

__all__ = ["side_door"]


def side_door(metadata: sa.MetaData) -> sa.Table:
    """One row for each attempt: which *module* asked for which *door*, in whose transaction, and what caused that."""
    return system_table(
        metadata,
        "core_side_door",
        sa.Column("id", counter(), primary_key=True, autoincrement=True),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("module", text(200), nullable=False),
        sa.Column("door", text(80), nullable=False),
        sa.Column("principal_id", Id()),
        sa.Column("cause", text(200), nullable=False),
    )
