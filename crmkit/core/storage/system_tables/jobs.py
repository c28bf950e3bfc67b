"""The lease table of everything that is done after a commit, and what is remembered of plugins and schedules."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from crmkit.core.storage.columns import Id, JsonText, Moment
from crmkit.core.storage.system_tables.making import system_table, text

__all__ = ["circuit", "job", "occurrence", "worker"]

# As each database is asked: their planners compare the words.
_SUSPECT: dict[str, Any] = {"sqlite_where": sa.text("is_suspect = 1"), "postgresql_where": sa.text("is_suspect")}


def job(metadata: sa.MetaData) -> sa.Table:
    """One row for each delivery, job and schedule; ``fence`` counts its leases, so that only the last one counts.

    ``again_at`` is when the job was woken for while it was being done; ``traces`` are those of what caused it, as W3C
    Trace Context writes them, where anybody traces.
    """
    return system_table(
        metadata,
        "core_job",
        sa.Column("id", Id(), primary_key=True),
        sa.Column("kind", text(10), nullable=False),
        sa.Column("name", text(100), nullable=False),
        sa.Column("plugin", text(40), nullable=False),
        sa.Column("key", text(250)),
        sa.Column("state", text(10), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("run_at", Moment(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("finished_at", Moment()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("is_suspect", sa.Boolean(), nullable=False),
        sa.Column("owner", text(80)),
        sa.Column("leased_until", Moment()),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("payload", JsonText(), nullable=False),
        sa.Column("principal_id", Id()),
        sa.Column("scopes", JsonText()),
        sa.Column("cause", text(200), nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("error", text(100)),
        sa.Column("details", sa.Text()),
        sa.Column("progress", JsonText()),
        sa.Column("again_at", Moment()),
        sa.Column("traces", JsonText()),
        sa.Index("uq_core_job_key", "key", unique=True),
        # What is due next, of one priority.
        sa.Index("ix_core_job_state_priority_run_at_id", "state", "priority", "run_at", "id"),
        # Hardly any row, so that whether there is one is known without looking at all that is due.
        sa.Index("ix_core_job_suspect_state_run_at", "state", "run_at", **_SUSPECT),
        sa.Index("ix_core_job_state_leased_until", "state", "leased_until"),
        sa.Index("ix_core_job_state_finished_at", "state", "finished_at"),
    )


def circuit(metadata: sa.MetaData) -> sa.Table:
    """One row for each plugin whose work has failed; while its circuit is open nothing of it runs."""
    return system_table(
        metadata,
        "core_circuit",
        sa.Column("plugin", text(40), primary_key=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_job", Id()),
        sa.Column("opened_at", Moment()),
        sa.Column("retry_at", Moment()),
        sa.Column("error", text(100)),
    )


def occurrence(metadata: sa.MetaData) -> sa.Table:
    """For which record and which time a schedule of records has enqueued its job already."""
    return system_table(
        metadata,
        "core_occurrence",
        sa.Column("schedule", text(100), primary_key=True),
        sa.Column("record_id", Id(), primary_key=True),
        sa.Column("due_at", Moment(), primary_key=True),
    )


def worker(metadata: sa.MetaData) -> sa.Table:
    """One row for each worker that was at work lately; one that was killed leaves its row for a day."""
    return system_table(
        metadata,
        "core_worker",
        sa.Column("owner", text(80), primary_key=True),
        sa.Column("threads", sa.Integer(), nullable=False),
        sa.Column("started_at", Moment(), nullable=False),
        sa.Column("seen_at", Moment(), nullable=False),
    )
