"""What is kept about changes of the tables that are no revisions: plugins that are parked, and names that changed."""

from __future__ import annotations

import sqlalchemy as sa

from crmkit.core.storage.columns import JsonText, Moment
from crmkit.core.storage.system_tables.making import counter, system_table, text

__all__ = ["parked", "rename"]


def parked(metadata: sa.MetaData) -> sa.Table:
    """One row for each plugin that the CRM may do without; ``tables`` says what its tables are called meanwhile."""
    return system_table(
        metadata,
        "core_parked",
        sa.Column("plugin", text(80), primary_key=True),
        sa.Column("since", Moment(), nullable=False),
        sa.Column("version", text(80)),
        sa.Column("tables", JsonText(), nullable=False),
    )


def rename(metadata: sa.MetaData) -> sa.Table:
    """One row for each entity or field that got another name; ledger rows up to ``until`` have the old one.

    ``field`` is empty where the entity itself was renamed.
    """
    return system_table(
        metadata,
        "core_rename",
        sa.Column("id", counter(), primary_key=True, autoincrement=True),
        sa.Column("entity", text(80), nullable=False),
        sa.Column("field", text(120), nullable=False),
        sa.Column("name", text(120), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
    )
