"""Approvals and the votes on them; who leads a team, and who reports to whom."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "core_0007"
down_revision = "core_0006"
branch_labels = None
depends_on = None

ID = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
ALIVE: dict[str, Any] = dict.fromkeys(("sqlite_where", "postgresql_where"), sa.text("deleted_at IS NULL"))


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "core_approval",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("record_entity", text(80), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("pipeline", text(64), nullable=False),
        sa.Column("source", text(64), nullable=False),
        sa.Column("target", text(64), nullable=False),
        sa.Column("digest", text(64), nullable=False),
        sa.Column("note", text(2000), nullable=True),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_core_approval"),
    )
    op.create_index("ix_core_approval_record_id_id", "core_approval", ["record_id", "id"], **ALIVE)
    op.create_table(
        "core_approval_vote",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("approval_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("verdict", text(64), nullable=False),
        sa.Column("note", text(2000), nullable=True),
        sa.ForeignKeyConstraint(["approval_id"], ["core_approval.id"], name="fk_core_approval_vote_approval_id"),
        sa.ForeignKeyConstraint(["user_id"], ["core_user.id"], name="fk_core_approval_vote_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_core_approval_vote"),
    )
    op.create_index("ix_core_approval_vote_approval_id_id", "core_approval_vote", ["approval_id", "id"], **ALIVE)
    op.create_index("ix_core_approval_vote_user_id_id", "core_approval_vote", ["user_id", "id"], **ALIVE)
    op.create_index(
        "uq_core_approval_vote_approval_id_user_id",
        "core_approval_vote",
        ["approval_id", "user_id"],
        unique=True,
        **ALIVE,
    )
    op.create_table(
        "core_reporting_line",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("manager_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["manager_id"], ["core_user.id"], name="fk_core_reporting_line_manager_id"),
        sa.ForeignKeyConstraint(["user_id"], ["core_user.id"], name="fk_core_reporting_line_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_core_reporting_line"),
    )
    op.create_index("ix_core_reporting_line_manager_id_id", "core_reporting_line", ["manager_id", "id"], **ALIVE)
    op.create_index("ix_core_reporting_line_user_id_id", "core_reporting_line", ["user_id", "id"], **ALIVE)
    op.create_index("uq_core_reporting_line_user_id", "core_reporting_line", ["user_id"], unique=True, **ALIVE)
    op.create_table(
        "core_team_lead",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("team_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["core_team.id"], name="fk_core_team_lead_team_id"),
        sa.ForeignKeyConstraint(["user_id"], ["core_user.id"], name="fk_core_team_lead_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_core_team_lead"),
    )
    op.create_index("ix_core_team_lead_team_id_id", "core_team_lead", ["team_id", "id"], **ALIVE)
    op.create_index("ix_core_team_lead_user_id_id", "core_team_lead", ["user_id", "id"], **ALIVE)
    op.create_index("uq_core_team_lead_team_id_user_id", "core_team_lead", ["team_id", "user_id"], unique=True, **ALIVE)


def downgrade() -> None:
    op.drop_table("core_team_lead")
    op.drop_table("core_reporting_line")
    op.drop_table("core_approval_vote")
    op.drop_table("core_approval")
