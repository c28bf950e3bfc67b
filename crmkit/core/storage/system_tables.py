"""Tables that are no entities: the ledger, the outbox, stage visits, external ids and the bookkeeping of the core."""

from __future__ import annotations

from typing import Any

import attrs
import sqlalchemy as sa

from crmkit.core.fields import Column as Slot
from crmkit.core.storage.columns import Id, JsonText, Moment, sql_type

__all__ = ["SystemTables"]


def _text(length: int) -> Any:
    return sql_type(Slot("", "text", length=length))


@attrs.frozen(eq=False)
class SystemTables:
    """The system tables of one CRM."""

    ledger: sa.Table
    ledger_payload: sa.Table
    ledger_head: sa.Table
    outbox: sa.Table
    stage_visit: sa.Table
    external_id: sa.Table
    sequence: sa.Table
    epoch: sa.Table
    checkpoint: sa.Table

    @classmethod
    def build(cls, metadata: sa.MetaData) -> SystemTables:
        """Return the system tables, made in *metadata*."""
        makers = (
            _ledger,
            _ledger_payload,
            _ledger_head,
            _outbox,
            _stage_visit,
            _external_id,
            _sequence,
            _epoch,
            _checkpoint,
        )
        return cls(*(make(metadata) for make in makers))


def _make(metadata: sa.MetaData, name: str, *parts: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(name, metadata, *parts, info={"owner": "core"})


def _ledger(metadata: sa.MetaData) -> sa.Table:
    """One row for each record written; ``digest`` is over the payload, ``chain`` links every row to the one before."""
    return _make(
        metadata,
        "core_ledger",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("principal_id", Id()),
        sa.Column("entity", _text(80), nullable=False),
        sa.Column("record_id", Id(), nullable=False),
        sa.Column("kind", _text(20), nullable=False),
        sa.Column("cause", _text(200), nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("request_id", _text(80)),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("chain", sa.LargeBinary(32), nullable=False),
        sa.Index("ix_core_ledger_record_id_id", "record_id", "id"),
    )


def _ledger_payload(metadata: sa.MetaData) -> sa.Table:
    """The values old and new beside their ledger row; erasing a person deletes them, the chain still verifies."""
    return _make(
        metadata,
        "core_ledger_payload",
        sa.Column(
            "ledger_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False
        ),
        sa.Column("salt", sa.LargeBinary(16), nullable=False),
        sa.Column("changes", sa.Text(), nullable=False),
    )


def _ledger_head(metadata: sa.MetaData) -> sa.Table:
    """One row: the newest ledger id and chain. Whoever appends holds it, so ids are gapless in commit order."""
    return _make(
        metadata,
        "core_ledger_head",
        sa.Column("one", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("chain", sa.LargeBinary(32), nullable=False),
    )


def _outbox(metadata: sa.MetaData) -> sa.Table:
    """One row for each transaction: the span of ledger rows that it wrote."""
    return _make(
        metadata,
        "core_outbox",
        sa.Column(
            "first_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False
        ),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
    )


def _stage_visit(metadata: sa.MetaData) -> sa.Table:
    """One row for each stay of a record in a stage."""
    return _make(
        metadata,
        "core_stage_visit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("entity", _text(80), nullable=False),
        sa.Column("record_id", Id(), nullable=False),
        sa.Column("pipeline", _text(64), nullable=False),
        sa.Column("pipeline_version", sa.Integer(), nullable=False),
        sa.Column("stage", _text(64), nullable=False),
        sa.Column("entered_at", Moment(), nullable=False),
        sa.Column("left_at", Moment()),
        sa.Column("entered_by", Id()),
        sa.Column("left_by", Id()),
        sa.Index("ix_core_stage_visit_record_id_entered_at", "record_id", "entered_at"),
        sa.Index("ix_core_stage_visit_entity_entered_at", "entity", "entered_at"),
    )


def _external_id(metadata: sa.MetaData) -> sa.Table:
    """Which record another system calls by *value*."""
    return _make(
        metadata,
        "core_external_id",
        sa.Column("system", _text(80), primary_key=True),
        sa.Column("entity", _text(80), primary_key=True),
        sa.Column("value", _text(200), primary_key=True),
        sa.Column("record_id", Id(), nullable=False),
        sa.Index("ix_core_external_id_record_id", "record_id"),
    )


def _sequence(metadata: sa.MetaData) -> sa.Table:
    """The counters of human numbers on SQLite; PostgreSQL uses sequences, so that writers do not queue."""
    return _make(
        metadata,
        "core_sequence",
        sa.Column("name", _text(120), primary_key=True),
        sa.Column("value", sa.BigInteger(), nullable=False),
    )


def _epoch(metadata: sa.MetaData) -> sa.Table:
    """One row: raised by every write that changes what somebody may do."""
    return _make(
        metadata,
        "core_epoch",
        sa.Column("one", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
    )


def _checkpoint(metadata: sa.MetaData) -> sa.Table:
    """How far a long job has come, written in the same transaction as its work."""
    return _make(
        metadata,
        "core_checkpoint",
        sa.Column("key", _text(200), primary_key=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("state", JsonText()),
        sa.Column("updated_at", Moment(), nullable=False),
    )
