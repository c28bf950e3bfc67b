"""What was answered to requests that may be sent again."""

from __future__ import annotations

import sqlalchemy as sa

from crmkit.core.storage.columns import Id, Moment
from crmkit.core.storage.system_tables.making import system_table, text

__all__ = ["answer"]


def answer(metadata: sa.MetaData) -> sa.Table:
    """The answer that a user got to a request with a ``key``, kept for a day; ``asked`` digests the request."""
    return system_table(
        metadata,
        "core_answer",
        sa.Column("user_id", Id(), primary_key=True),
        sa.Column("key", text(200), primary_key=True),
        sa.Column("asked", sa.LargeBinary(32), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Index("ix_core_answer_at", "at"),
    )
