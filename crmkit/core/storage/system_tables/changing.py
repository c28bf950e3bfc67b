"""What is kept about changes of the tables that are no revisions: plugins that are parked."""

from __future__ import annotations

import sqlalchemy as sa

from crmkit.core.storage.columns import JsonText, Moment
from crmkit.core.storage.system_tables.making import system_table, text

__all__ = ["parked"]


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
