"""names of iCalendar."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "workspace_0008"
down_revision = "workspace_0007"
branch_labels = None
depends_on = ("core_0018",)

ALIVE: dict[str, Any] = dict.fromkeys(("sqlite_where", "postgresql_where"), sa.text("deleted_at IS NULL"))


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    with op.batch_alter_table("workspace_meeting") as batch_op:
        batch_op.add_column(sa.Column("uid", text(255), nullable=True))
        batch_op.add_column(sa.Column("sequence", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index("ix_workspace_meeting_owner_id_uid_id", "workspace_meeting", ["owner_id", "uid", "id"], **ALIVE)
    op.create_index("ix_workspace_meeting_team_id_uid_id", "workspace_meeting", ["team_id", "uid", "id"], **ALIVE)
    op.create_index("ix_workspace_meeting_uid_id", "workspace_meeting", ["uid", "id"], **ALIVE)
    with op.batch_alter_table("workspace_task") as batch_op:
        batch_op.add_column(sa.Column("uid", text(255), nullable=True))
    op.create_index("ix_workspace_task_owner_id_uid_id", "workspace_task", ["owner_id", "uid", "id"], **ALIVE)
    op.create_index("ix_workspace_task_team_id_uid_id", "workspace_task", ["team_id", "uid", "id"], **ALIVE)
    op.create_index("ix_workspace_task_uid_id", "workspace_task", ["uid", "id"], **ALIVE)


def downgrade() -> None:
    op.drop_index("ix_workspace_task_uid_id", table_name="workspace_task", **ALIVE)
    op.drop_index("ix_workspace_task_team_id_uid_id", table_name="workspace_task", **ALIVE)
    op.drop_index("ix_workspace_task_owner_id_uid_id", table_name="workspace_task", **ALIVE)
    with op.batch_alter_table("workspace_task") as batch_op:
        batch_op.drop_column("uid")
    op.drop_index("ix_workspace_meeting_uid_id", table_name="workspace_meeting", **ALIVE)
    op.drop_index("ix_workspace_meeting_team_id_uid_id", table_name="workspace_meeting", **ALIVE)
    op.drop_index("ix_workspace_meeting_owner_id_uid_id", table_name="workspace_meeting", **ALIVE)
    with op.batch_alter_table("workspace_meeting") as batch_op:
        batch_op.drop_column("sequence")
        batch_op.drop_column("uid")
