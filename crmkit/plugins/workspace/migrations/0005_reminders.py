"""reminders."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "workspace_0005"
down_revision = "workspace_0004"
branch_labels = None
depends_on = ("core_0013",)

ID = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
ALIVE: dict[str, Any] = dict.fromkeys(("sqlite_where", "postgresql_where"), sa.text("deleted_at IS NULL"))


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "workspace_reminder",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("recipient_id", ID, nullable=False),
        sa.Column("regarding_entity", text(80), nullable=True),
        sa.Column("regarding_id", ID, nullable=True),
        sa.Column("remind_at", MOMENT, nullable=False),
        sa.Column("note", text(2000), nullable=True),
        sa.ForeignKeyConstraint(["recipient_id"], ["core_user.id"], name="fk_workspace_reminder_recipient_id"),
        sa.PrimaryKeyConstraint("id", name="pk_workspace_reminder"),
    )
    op.create_index("ix_workspace_reminder_recipient_id_id", "workspace_reminder", ["recipient_id", "id"], **ALIVE)
    op.create_index("ix_workspace_reminder_regarding_id_id", "workspace_reminder", ["regarding_id", "id"], **ALIVE)
    op.create_index("ix_workspace_reminder_remind_at_id", "workspace_reminder", ["remind_at", "id"], **ALIVE)
    with op.batch_alter_table("workspace_task") as batch_op:
        batch_op.add_column(sa.Column("remind_before", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("remind_at", MOMENT, nullable=True))
    op.create_index(
        "ix_workspace_task_owner_id_remind_at_id", "workspace_task", ["owner_id", "remind_at", "id"], **ALIVE
    )
    op.create_index("ix_workspace_task_remind_at_id", "workspace_task", ["remind_at", "id"], **ALIVE)
    op.create_index("ix_workspace_task_team_id_remind_at_id", "workspace_task", ["team_id", "remind_at", "id"], **ALIVE)


def downgrade() -> None:
    op.drop_index("ix_workspace_task_team_id_remind_at_id", table_name="workspace_task", **ALIVE)
    op.drop_index("ix_workspace_task_remind_at_id", table_name="workspace_task", **ALIVE)
    op.drop_index("ix_workspace_task_owner_id_remind_at_id", table_name="workspace_task", **ALIVE)
    with op.batch_alter_table("workspace_task") as batch_op:
        batch_op.drop_column("remind_at")
        batch_op.drop_column("remind_before")
    op.drop_table("workspace_reminder")
