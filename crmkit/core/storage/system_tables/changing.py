"""What is kept about changes of the tables that are no revisions: plugins that are parked, entities that they own."""

from __future__ import annotations

import sqlalchemy as sa

from crmkit.core.storage.columns import JsonText, Moment
from crmkit.core.storage.system_tables.making import system_table, text

__all__ = ["entity_owner", "parked"]


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


def entity_owner(metadata: sa.MetaData) -> sa.Table:
    """The plugin that declares an entity whose id does not carry its name, so that it is known without its code."""
    return system_table(
        metadata,
        "core_entity_owner",
        sa.Column("entity", text(80), primary_key=True),
        sa.Column("plugin", text(80), nullable=False),
    )
