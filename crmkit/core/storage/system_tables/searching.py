"""What is kept for full-text search."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from crmkit.core.storage.columns import Id
from crmkit.core.storage.search_index import DOCUMENTS
from crmkit.core.storage.system_tables.making import counter, system_table, text

__all__ = ["search_document"]


def search_document(metadata: sa.MetaData) -> sa.Table:
    """The words by which a record is found, each under the code of its field; none of one in the bin.

    The higher the *id*, the later the record was made.
    """
    words: Any = sa.Text().with_variant(postgresql.TSVECTOR(), "postgresql")
    return system_table(
        metadata,
        DOCUMENTS,
        sa.Column("id", counter(), primary_key=True, autoincrement=True),
        sa.Column("entity", text(80), nullable=False),
        sa.Column("record_id", Id(), nullable=False),
        sa.Column("words", words, nullable=False),
        sa.Index(f"uq_{DOCUMENTS}_record_id_entity", "record_id", "entity", unique=True),
    )
