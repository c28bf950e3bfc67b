"""The ledger, its payload, its head, and the outbox that announces it."""

from __future__ import annotations

import sqlalchemy as sa

from crmkit.core.storage.columns import Id, JsonText, Moment
from crmkit.core.storage.system_tables.making import counter, system_table, text

__all__ = ["ledger", "ledger_head", "ledger_payload", "outbox"]


def ledger(metadata: sa.MetaData) -> sa.Table:
    """One row for each record written; ``digest`` is over the payload, ``chain`` links every row to the one before."""
    return system_table(
        metadata,
        "core_ledger",
        sa.Column("id", counter(), primary_key=True, autoincrement=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("principal_id", Id()),
        sa.Column("entity", text(80), nullable=False),
        sa.Column("record_id", Id(), nullable=False),
        sa.Column("kind", text(20), nullable=False),
        sa.Column("cause", text(200), nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("request_id", text(80)),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("chain", sa.LargeBinary(32), nullable=False),
        sa.Index("ix_core_ledger_record_id_id", "record_id", "id"),
    )


def ledger_payload(metadata: sa.MetaData) -> sa.Table:
    """The values old and new beside their ledger row; erasing a person deletes them, the chain still verifies."""
    return system_table(
        metadata,
        "core_ledger_payload",
        sa.Column("ledger_id", counter(), primary_key=True, autoincrement=False),
        sa.Column("salt", sa.LargeBinary(16), nullable=False),
        sa.Column("changes", sa.Text(), nullable=False),
    )


def ledger_head(metadata: sa.MetaData) -> sa.Table:
    """One row: the newest ledger id and chain. Whoever appends holds it, so ids are gapless in commit order."""
    return system_table(
        metadata,
        "core_ledger_head",
        sa.Column("one", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("chain", sa.LargeBinary(32), nullable=False),
    )


def outbox(metadata: sa.MetaData) -> sa.Table:
    """One row for each transaction: the span of ledger rows that it wrote, and by which traces it is known, if any."""
    return system_table(
        metadata,
        "core_outbox",
        sa.Column("first_id", counter(), primary_key=True, autoincrement=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("traces", JsonText()),
    )
