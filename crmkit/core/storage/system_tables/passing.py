"""Files on their way in or out."""

from __future__ import annotations

import sqlalchemy as sa

from crmkit.core.storage.columns import Id, JsonText, Moment
from crmkit.core.storage.system_tables.making import system_table, text

__all__ = ["passing_file"]


def passing_file(metadata: sa.MetaData) -> sa.Table:
    """A file of one user that stays for a day: sent to be imported, or made by a job; or what a job ``told``.

    ``content`` is its hash. It does not keep the content from being swept away: both go after the same time.
    """
    return system_table(
        metadata,
        "core_passing_file",
        sa.Column("id", Id(), primary_key=True),
        sa.Column("user_id", Id(), nullable=False),
        sa.Column("job_id", Id()),
        sa.Column("kind", text(10), nullable=False),
        sa.Column("entity", text(80)),
        sa.Column("name", text(255), nullable=False),
        sa.Column("media_type", text(127), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("content", text(64)),
        sa.Column("told", JsonText()),
        sa.Column("at", Moment(), nullable=False),
        sa.Index("ix_core_passing_file_job_id", "job_id"),
        sa.Index("ix_core_passing_file_at", "at"),
    )
