"""The keys by which encrypted fields are kept, themselves encrypted."""

from __future__ import annotations

import sqlalchemy as sa

from crmkit.core.storage.columns import Moment
from crmkit.core.storage.system_tables.making import system_table, text

__all__ = ["data_key"]


def data_key(metadata: sa.MetaData) -> sa.Table:
    """A data key, *wrapped* by the master key called *master*, which stands in the configuration and nowhere here."""
    return system_table(
        metadata,
        "core_data_key",
        sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("purpose", text(16), nullable=False),
        sa.Column("master", text(32), nullable=False),
        sa.Column("wrapped", text(200), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
    )
