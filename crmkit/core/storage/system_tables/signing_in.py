"""What is secret of signing in, as digests: no door reads these tables."""

from __future__ import annotations

import sqlalchemy as sa

from crmkit.core.storage.columns import Id, Moment
from crmkit.core.storage.system_tables.making import system_table, text

__all__ = ["token_secret"]


def token_secret(metadata: sa.MetaData) -> sa.Table:
    """By which SHA-256 *digest*, in hexadecimal, the token *token_id* is known, and when it was used last."""
    return system_table(
        metadata,
        "core_token_secret",
        sa.Column("token_id", Id(), primary_key=True),
        sa.Column("digest", text(64), nullable=False),
        sa.Column("used_at", Moment()),
        sa.Index("uq_core_token_secret_digest", "digest", unique=True),
    )
