"""notifications."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "workspace_0004"
down_revision = "workspace_0003"
branch_labels = None
depends_on = ("core_0012",)

ID = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
ALIVE: dict[str, Any] = dict.fromkeys(("sqlite_where", "postgresql_where"), sa.text("deleted_at IS NULL"))


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "workspace_following",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("record_entity", text(80), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["core_user.id"], name="fk_workspace_following_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_workspace_following"),
    )
    op.create_index("ix_workspace_following_record_id_id", "workspace_following", ["record_id", "id"], **ALIVE)
    op.create_index("ix_workspace_following_user_id_id", "workspace_following", ["user_id", "id"], **ALIVE)
    op.create_index(
        "uq_workspace_following_user_id_record_entity_record_id",
        "workspace_following",
        ["user_id", "record_entity", "record_id"],
        unique=True,
        **ALIVE,
    )
    op.create_table(
        "workspace_notification",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("recipient_id", ID, nullable=False),
        sa.Column("kind", text(64), nullable=False),
        sa.Column("regarding_entity", text(80), nullable=True),
        sa.Column("regarding_id", ID, nullable=True),
        sa.Column("comment_entity", text(80), nullable=True),
        sa.Column("comment_id", ID, nullable=True),
        sa.Column("by_id", ID, nullable=True),
        sa.Column("note", text(2000), nullable=True),
        sa.Column("more", sa.BigInteger(), nullable=False),
        sa.Column("read_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["by_id"], ["core_user.id"], name="fk_workspace_notification_by_id"),
        sa.ForeignKeyConstraint(["recipient_id"], ["core_user.id"], name="fk_workspace_notification_recipient_id"),
        sa.PrimaryKeyConstraint("id", name="pk_workspace_notification"),
    )
    op.create_index("ix_workspace_notification_by_id_id", "workspace_notification", ["by_id", "id"], **ALIVE)
    op.create_index("ix_workspace_notification_comment_id_id", "workspace_notification", ["comment_id", "id"], **ALIVE)
    op.create_index(
        "ix_workspace_notification_recipient_id_id", "workspace_notification", ["recipient_id", "id"], **ALIVE
    )
    op.create_index(
        "ix_workspace_notification_regarding_id_id", "workspace_notification", ["regarding_id", "id"], **ALIVE
    )
    op.create_table(
        "workspace_notification_preference",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("recipient_id", ID, nullable=False),
        sa.Column("kind", text(64), nullable=False),
        sa.Column("is_wanted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["recipient_id"], ["core_user.id"], name="fk_workspace_notification_preference_recipient_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_workspace_notification_preference"),
    )
    op.create_index(
        "ix_workspace_notification_preference_kind_id", "workspace_notification_preference", ["kind", "id"], **ALIVE
    )
    op.create_index(
        "ix_workspace_notification_preference_recipient_id_id",
        "workspace_notification_preference",
        ["recipient_id", "id"],
        **ALIVE,
    )
    op.create_index(
        "uq_workspace_notification_preference_recipient_id_kind",
        "workspace_notification_preference",
        ["recipient_id", "kind"],
        unique=True,
        **ALIVE,
    )


def downgrade() -> None:
    op.drop_table("workspace_notification_preference")
    op.drop_table("workspace_notification")
    op.drop_table("workspace_following")
