"""What is kept about records beside their rows: visits to stages, external ids, merges, counters of human numbers."""

from __future__ import annotations

import sqlalchemy as sa

from crmkit.core.storage.columns import Id, Moment
from crmkit.core.storage.system_tables.making import counter, system_table, text

__all__ = ["external_id", "match_key", "merge", "sequence", "stage_visit"]


def stage_visit(metadata: sa.MetaData) -> sa.Table:
    """One row for each stay of a record in a stage."""
    return system_table(
        metadata,
        "core_stage_visit",
        sa.Column("id", counter(), primary_key=True, autoincrement=True),
        sa.Column("entity", text(80), nullable=False),
        sa.Column("record_id", Id(), nullable=False),
        sa.Column("pipeline", text(64), nullable=False),
        sa.Column("pipeline_version", sa.Integer(), nullable=False),
        sa.Column("stage", text(64), nullable=False),
        sa.Column("entered_at", Moment(), nullable=False),
        sa.Column("left_at", Moment()),
        sa.Column("entered_by", Id()),
        sa.Column("left_by", Id()),
        sa.Index("ix_core_stage_visit_record_id_entered_at", "record_id", "entered_at"),
        sa.Index("ix_core_stage_visit_entity_entered_at", "entity", "entered_at"),
    )


def external_id(metadata: sa.MetaData) -> sa.Table:
    """Which record another system calls by *value*."""
    return system_table(
        metadata,
        "core_external_id",
        sa.Column("system", text(80), primary_key=True),
        sa.Column("entity", text(80), primary_key=True),
        sa.Column("value", text(200), primary_key=True),
        sa.Column("record_id", Id(), nullable=False),
        sa.Index("ix_core_external_id_record_id", "record_id"),
    )


def match_key(metadata: sa.MetaData) -> sa.Table:
    """By which keys records that may be the same are found; see :mod:`crmkit.core.matching`."""
    return system_table(
        metadata,
        "core_match_key",
        sa.Column("entity", text(80), primary_key=True),
        sa.Column("key", text(200), primary_key=True),
        sa.Column("record_id", Id(), primary_key=True),
        sa.Index("ix_core_match_key_record_id", "record_id"),
    )


def merge(metadata: sa.MetaData) -> sa.Table:
    """Which record a merged one went into, and the first and last row of the ledger that tell what the merge did."""
    return system_table(
        metadata,
        "core_merge",
        sa.Column("entity", text(80), primary_key=True),
        sa.Column("record_id", Id(), primary_key=True),
        sa.Column("winner_id", Id(), nullable=False),
        sa.Column("number", text(80)),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Index("ix_core_merge_entity_number", "entity", "number"),
    )


def sequence(metadata: sa.MetaData) -> sa.Table:
    """The counters of human numbers on SQLite; PostgreSQL uses sequences, so that writers do not queue."""
    return system_table(
        metadata,
        "core_sequence",
        sa.Column("name", text(120), primary_key=True),
        sa.Column("value", sa.BigInteger(), nullable=False),
    )
