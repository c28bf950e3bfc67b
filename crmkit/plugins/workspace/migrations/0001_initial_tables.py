"""initial tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "workspace_0001"
down_revision = None
branch_labels = ("workspace",)
depends_on = ("core_0001",)

ID = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
DAY = sa.String(10).with_variant(sa.Date(), "postgresql")
JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
LONG_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ALIVE: dict[str, Any] = dict.fromkeys(("sqlite_where", "postgresql_where"), sa.text("deleted_at IS NULL"))


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "workspace_tag",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("name", text(60), nullable=False),
        sa.Column("colour", text(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workspace_tag"),
    )
    op.create_index("uq_workspace_tag_name", "workspace_tag", ["name"], unique=True, **ALIVE)
    op.create_table(
        "workspace_tagging",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("tag_id", ID, nullable=False),
        sa.Column("record_entity", text(80), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["tag_id"], ["workspace_tag.id"], name="fk_workspace_tagging_tag_id"),
        sa.PrimaryKeyConstraint("id", name="pk_workspace_tagging"),
    )
    op.create_index("ix_workspace_tagging_record_id_id", "workspace_tagging", ["record_id", "id"], **ALIVE)
    op.create_index("ix_workspace_tagging_tag_id_id", "workspace_tagging", ["tag_id", "id"], **ALIVE)
    op.create_index(
        "uq_workspace_tagging_tag_id_record_entity_record_id",
        "workspace_tagging",
        ["tag_id", "record_entity", "record_id"],
        unique=True,
        **ALIVE,
    )
    op.create_table(
        "workspace_comment",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("owner_id", ID, nullable=True),
        sa.Column("team_id", ID, nullable=True),
        sa.Column("regarding_entity", text(80), nullable=False),
        sa.Column("regarding_id", ID, nullable=False),
        sa.Column("body", LONG_TEXT, nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["core_user.id"], name="fk_workspace_comment_owner_id"),
        sa.ForeignKeyConstraint(["team_id"], ["core_team.id"], name="fk_workspace_comment_team_id"),
        sa.PrimaryKeyConstraint("id", name="pk_workspace_comment"),
    )
    op.create_index("ix_workspace_comment_owner_id_id", "workspace_comment", ["owner_id", "id"], **ALIVE)
    op.create_index("ix_workspace_comment_regarding_id_id", "workspace_comment", ["regarding_id", "id"], **ALIVE)
    op.create_index("ix_workspace_comment_team_id_id", "workspace_comment", ["team_id", "id"], **ALIVE)
    op.create_table(
        "workspace_task",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("owner_id", ID, nullable=True),
        sa.Column("team_id", ID, nullable=True),
        sa.Column("title", text(300), nullable=False),
        sa.Column("description", LONG_TEXT, nullable=True),
        sa.Column("regarding_entity", text(80), nullable=True),
        sa.Column("regarding_id", ID, nullable=True),
        sa.Column("priority", text(64), nullable=False),
        sa.Column("due_on", DAY, nullable=True),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("progress", sa.BigInteger(), nullable=False),
        sa.Column("is_done", sa.Boolean(), nullable=False),
        sa.Column("done_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["core_user.id"], name="fk_workspace_task_owner_id"),
        sa.ForeignKeyConstraint(["team_id"], ["core_team.id"], name="fk_workspace_task_team_id"),
        sa.PrimaryKeyConstraint("id", name="pk_workspace_task"),
    )
    op.create_index("ix_workspace_task_due_on_id", "workspace_task", ["due_on", "id"], **ALIVE)
    op.create_index("ix_workspace_task_owner_id_due_on_id", "workspace_task", ["owner_id", "due_on", "id"], **ALIVE)
    op.create_index("ix_workspace_task_owner_id_id", "workspace_task", ["owner_id", "id"], **ALIVE)
    op.create_index("ix_workspace_task_regarding_id_id", "workspace_task", ["regarding_id", "id"], **ALIVE)
    op.create_index("ix_workspace_task_team_id_due_on_id", "workspace_task", ["team_id", "due_on", "id"], **ALIVE)
    op.create_index("ix_workspace_task_team_id_id", "workspace_task", ["team_id", "id"], **ALIVE)


def downgrade() -> None:
    op.drop_table("workspace_task")
    op.drop_table("workspace_comment")
    op.drop_table("workspace_tagging")
    op.drop_table("workspace_tag")
