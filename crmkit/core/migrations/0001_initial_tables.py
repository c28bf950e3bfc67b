"""Initial tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "core_0001"
down_revision = None
branch_labels = ("core",)
depends_on = None

ID = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
DAY = sa.String(10).with_variant(sa.Date(), "postgresql")
JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LONG_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ALIVE: dict[str, Any] = dict.fromkeys(("sqlite_where", "postgresql_where"), sa.text("deleted_at IS NULL"))


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "core_checkpoint",
        sa.Column("key", text(200), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("state", JSON, nullable=True),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_core_checkpoint"),
    )
    op.create_table(
        "core_epoch",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("one", name="pk_core_epoch"),
    )
    op.create_table(
        "core_exchange_rate",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("currency", text(3), nullable=False),
        sa.Column("valid_from", DAY, nullable=False),
        sa.Column("rate", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_core_exchange_rate"),
    )
    op.create_index(
        "uq_core_exchange_rate_currency_valid_from",
        "core_exchange_rate",
        ["currency", "valid_from"],
        unique=True,
        **ALIVE,
    )
    op.create_table(
        "core_external_id",
        sa.Column("system", text(80), nullable=False),
        sa.Column("entity", text(80), nullable=False),
        sa.Column("value", text(200), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("system", "entity", "value", name="pk_core_external_id"),
    )
    op.create_index("ix_core_external_id_record_id", "core_external_id", ["record_id"])
    op.create_table(
        "core_ledger",
        sa.Column("id", COUNTER, autoincrement=False, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("principal_id", ID, nullable=True),
        sa.Column("entity", text(80), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("kind", text(20), nullable=False),
        sa.Column("cause", text(200), nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("request_id", text(80), nullable=True),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("chain", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_core_ledger"),
    )
    op.create_index("ix_core_ledger_record_id_id", "core_ledger", ["record_id", "id"])
    op.create_table(
        "core_ledger_head",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("chain", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("one", name="pk_core_ledger_head"),
    )
    op.create_table(
        "core_ledger_payload",
        sa.Column("ledger_id", COUNTER, autoincrement=False, nullable=False),
        sa.Column("salt", sa.LargeBinary(length=16), nullable=False),
        sa.Column("changes", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("ledger_id", name="pk_core_ledger_payload"),
    )
    op.create_table(
        "core_outbox",
        sa.Column("first_id", COUNTER, autoincrement=False, nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("first_id", name="pk_core_outbox"),
    )
    op.create_table(
        "core_role",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("name", text(80), nullable=False),
        sa.Column("label", text(200), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_core_role"),
    )
    op.create_index("uq_core_role_name", "core_role", ["name"], unique=True, **ALIVE)
    op.create_table(
        "core_sequence",
        sa.Column("name", text(120), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_core_sequence"),
    )
    op.create_table(
        "core_stage_visit",
        sa.Column("id", COUNTER, autoincrement=True, nullable=False),
        sa.Column("entity", text(80), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("pipeline", text(64), nullable=False),
        sa.Column("pipeline_version", sa.Integer(), nullable=False),
        sa.Column("stage", text(64), nullable=False),
        sa.Column("entered_at", MOMENT, nullable=False),
        sa.Column("left_at", MOMENT, nullable=True),
        sa.Column("entered_by", ID, nullable=True),
        sa.Column("left_by", ID, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_core_stage_visit"),
    )
    op.create_index("ix_core_stage_visit_entity_entered_at", "core_stage_visit", ["entity", "entered_at"])
    op.create_index("ix_core_stage_visit_record_id_entered_at", "core_stage_visit", ["record_id", "entered_at"])
    op.create_table(
        "core_team",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("name", text(200), nullable=False),
        sa.Column("parent_id", ID, nullable=True),
        sa.ForeignKeyConstraint(["parent_id"], ["core_team.id"], name="fk_core_team_parent_id"),
        sa.PrimaryKeyConstraint("id", name="pk_core_team"),
    )
    op.create_index("ix_core_team_parent_id_id", "core_team", ["parent_id", "id"], **ALIVE)
    op.create_index("uq_core_team_name", "core_team", ["name"], unique=True, **ALIVE)
    op.create_table(
        "core_grant",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("role_id", ID, nullable=False),
        sa.Column("entity", text(80), nullable=False),
        sa.Column("verbs", text(200), nullable=False),
        sa.Column("scope", text(64), nullable=False),
        sa.Column("rule", LONG_TEXT, nullable=True),
        sa.ForeignKeyConstraint(["role_id"], ["core_role.id"], name="fk_core_grant_role_id"),
        sa.PrimaryKeyConstraint("id", name="pk_core_grant"),
    )
    op.create_index("ix_core_grant_role_id_id", "core_grant", ["role_id", "id"], **ALIVE)
    op.create_table(
        "core_mask",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("role_id", ID, nullable=False),
        sa.Column("entity", text(80), nullable=False),
        sa.Column("field_name", text(120), nullable=False),
        sa.Column("access", text(64), nullable=False),
        sa.ForeignKeyConstraint(["role_id"], ["core_role.id"], name="fk_core_mask_role_id"),
        sa.PrimaryKeyConstraint("id", name="pk_core_mask"),
    )
    op.create_index("ix_core_mask_role_id_id", "core_mask", ["role_id", "id"], **ALIVE)
    op.create_table(
        "core_user",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("name", text(200), nullable=False),
        sa.Column("email", text(254), nullable=True),
        sa.Column("team_id", ID, nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("time_zone", text(64), nullable=False),
        sa.Column("locale", text(16), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["core_team.id"], name="fk_core_user_team_id"),
        sa.PrimaryKeyConstraint("id", name="pk_core_user"),
    )
    op.create_index("ix_core_user_name_id", "core_user", ["name", "id"], **ALIVE)
    op.create_index("ix_core_user_team_id_id", "core_user", ["team_id", "id"], **ALIVE)
    op.create_index("uq_core_user_email", "core_user", ["email"], unique=True, **ALIVE)
    op.create_table(
        "core_assignment",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("role", text(80), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["core_user.id"], name="fk_core_assignment_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_core_assignment"),
    )
    op.create_index("ix_core_assignment_role_id", "core_assignment", ["role", "id"], **ALIVE)
    op.create_index("ix_core_assignment_user_id_id", "core_assignment", ["user_id", "id"], **ALIVE)
    op.create_index("uq_core_assignment_user_id_role", "core_assignment", ["user_id", "role"], unique=True, **ALIVE)
    op.create_table(
        "core_membership",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("team_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["core_team.id"], name="fk_core_membership_team_id"),
        sa.ForeignKeyConstraint(["user_id"], ["core_user.id"], name="fk_core_membership_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_core_membership"),
    )
    op.create_index("ix_core_membership_team_id_id", "core_membership", ["team_id", "id"], **ALIVE)
    op.create_index("ix_core_membership_user_id_id", "core_membership", ["user_id", "id"], **ALIVE)
    op.create_index(
        "uq_core_membership_user_id_team_id", "core_membership", ["user_id", "team_id"], unique=True, **ALIVE
    )
    op.create_table(
        "core_share",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("record_entity", text(80), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=True),
        sa.Column("team_id", ID, nullable=True),
        sa.Column("level", text(64), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["core_team.id"], name="fk_core_share_team_id"),
        sa.ForeignKeyConstraint(["user_id"], ["core_user.id"], name="fk_core_share_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_core_share"),
    )
    op.create_index("ix_core_share_record_id_id", "core_share", ["record_id", "id"], **ALIVE)
    op.create_index("ix_core_share_team_id_id", "core_share", ["team_id", "id"], **ALIVE)
    op.create_index("ix_core_share_user_id_id", "core_share", ["user_id", "id"], **ALIVE)
    op.create_index(
        "uq_core_share_record_entity_record_id_user_id_team_id",
        "core_share",
        ["record_entity", "record_id", "user_id", "team_id"],
        unique=True,
        **ALIVE,
    )


def downgrade() -> None:
    op.drop_table("core_share")
    op.drop_table("core_membership")
    op.drop_table("core_assignment")
    op.drop_table("core_user")
    op.drop_table("core_mask")
    op.drop_table("core_grant")
    op.drop_table("core_team")
    op.drop_table("core_stage_visit")
    op.drop_table("core_sequence")
    op.drop_table("core_role")
    op.drop_table("core_outbox")
    op.drop_table("core_ledger_payload")
    op.drop_table("core_ledger_head")
    op.drop_table("core_ledger")
    op.drop_table("core_external_id")
    op.drop_table("core_exchange_rate")
    op.drop_table("core_epoch")
    op.drop_table("core_checkpoint")
