"""reminders of meetings."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "workspace_0007"
down_revision = "workspace_0006"
branch_labels = None
depends_on = ("core_0018",)

MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
ALIVE: dict[str, Any] = dict.fromkeys(("sqlite_where", "postgresql_where"), sa.text("deleted_at IS NULL"))


def upgrade() -> None:
    with op.batch_alter_table("workspace_meeting") as batch_op:
        batch_op.add_column(sa.Column("remind_before", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("remind_at", MOMENT, nullable=True))
    op.create_index(
        "ix_workspace_meeting_owner_id_remind_at_id", "workspace_meeting", ["owner_id", "remind_at", "id"], **ALIVE
    )
    op.create_index("ix_workspace_meeting_remind_at_id", "workspace_meeting", ["remind_at", "id"], **ALIVE)
    op.create_index(
        "ix_workspace_meeting_team_id_remind_at_id", "workspace_meeting", ["team_id", "remind_at", "id"], **ALIVE
    )


def downgrade() -> None:
    op.drop_index("ix_workspace_meeting_team_id_remind_at_id", table_name="workspace_meeting", **ALIVE)
    op.drop_index("ix_workspace_meeting_remind_at_id", table_name="workspace_meeting", **ALIVE)
    op.drop_index("ix_workspace_meeting_owner_id_remind_at_id", table_name="workspace_meeting", **ALIVE)
    with op.batch_alter_table("workspace_meeting") as batch_op:
        batch_op.drop_column("remind_at")
        batch_op.drop_column("remind_before")
