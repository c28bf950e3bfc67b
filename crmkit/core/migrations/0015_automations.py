"""Automations, their runs, and whose turn it is."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "core_0015"
down_revision = "core_0014"
branch_labels = None
depends_on = None

ID = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
LONG_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ALIVE: dict[str, Any] = dict.fromkeys(("sqlite_where", "postgresql_where"), sa.text("deleted_at IS NULL"))


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "core_automation_run",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("automation", text(80), nullable=False),
        sa.Column("occasion", text(100), nullable=False),
        sa.Column("entity", text(80), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("ran_at", MOMENT, nullable=False),
        sa.Column("outcome", text(64), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.Column("error", text(2000), nullable=True),
        sa.Column("wrote", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_core_automation_run"),
    )
    op.create_index("ix_core_automation_run_ran_at_id", "core_automation_run", ["ran_at", "id"], **ALIVE)
    op.create_index(
        "uq_core_automation_run_automation_occasion",
        "core_automation_run",
        ["automation", "occasion"],
        unique=True,
        **ALIVE,
    )
    op.create_table(
        "core_turn",
        sa.Column("key", text(120), nullable=False),
        sa.Column("last_id", ID, nullable=True),
        sa.Column("turns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_core_turn"),
    )
    op.create_table(
        "core_automation",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("name", text(80), nullable=False),
        sa.Column("entity", text(80), nullable=False),
        sa.Column("trigger", JSON, nullable=False),
        sa.Column("condition", LONG_TEXT, nullable=True),
        sa.Column("actions", JSON, nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("runs_as_id", ID, nullable=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("note", text(2000), nullable=True),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("off_reason", text(2000), nullable=True),
        sa.ForeignKeyConstraint(["runs_as_id"], ["core_user.id"], name="fk_core_automation_runs_as_id"),
        sa.PrimaryKeyConstraint("id", name="pk_core_automation"),
    )
    op.create_index("ix_core_automation_runs_as_id_id", "core_automation", ["runs_as_id", "id"], **ALIVE)
    op.create_index("uq_core_automation_name", "core_automation", ["name"], unique=True, **ALIVE)


def downgrade() -> None:
    op.drop_table("core_automation")
    op.drop_table("core_turn")
    op.drop_table("core_automation_run")
