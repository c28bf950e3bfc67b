"""meetings."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "workspace_0006"
down_revision = "workspace_0005"
branch_labels = None
depends_on = ("core_0014",)

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
        "workspace_meeting",
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
        sa.Column("place", text(300), nullable=True),
        sa.Column("starts_at", MOMENT, nullable=True),
        sa.Column("ends_at", MOMENT, nullable=True),
        sa.Column("starts_on", DAY, nullable=True),
        sa.Column("ends_on", DAY, nullable=True),
        sa.Column("time_zone", text(64), nullable=True),
        sa.Column("recurrence", text(500), nullable=True),
        sa.Column("last_at", MOMENT, nullable=True),
        sa.Column("is_private", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["core_user.id"], name="fk_workspace_meeting_owner_id"),
        sa.ForeignKeyConstraint(["team_id"], ["core_team.id"], name="fk_workspace_meeting_team_id"),
        sa.PrimaryKeyConstraint("id", name="pk_workspace_meeting"),
    )
    op.create_index("ix_workspace_meeting_last_at_id", "workspace_meeting", ["last_at", "id"], **ALIVE)
    op.create_index("ix_workspace_meeting_owner_id_id", "workspace_meeting", ["owner_id", "id"], **ALIVE)
    op.create_index(
        "ix_workspace_meeting_owner_id_last_at_id", "workspace_meeting", ["owner_id", "last_at", "id"], **ALIVE
    )
    op.create_index(
        "ix_workspace_meeting_owner_id_starts_at_id", "workspace_meeting", ["owner_id", "starts_at", "id"], **ALIVE
    )
    op.create_index("ix_workspace_meeting_starts_at_id", "workspace_meeting", ["starts_at", "id"], **ALIVE)
    op.create_index("ix_workspace_meeting_team_id_id", "workspace_meeting", ["team_id", "id"], **ALIVE)
    op.create_index(
        "ix_workspace_meeting_team_id_last_at_id", "workspace_meeting", ["team_id", "last_at", "id"], **ALIVE
    )
    op.create_index(
        "ix_workspace_meeting_team_id_starts_at_id", "workspace_meeting", ["team_id", "starts_at", "id"], **ALIVE
    )
    op.create_table(
        "workspace_attendance",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("meeting_id", ID, nullable=False),
        sa.Column("attendee_entity", text(80), nullable=False),
        sa.Column("attendee_id", ID, nullable=False),
        sa.Column("answer", text(64), nullable=False),
        sa.ForeignKeyConstraint(["meeting_id"], ["workspace_meeting.id"], name="fk_workspace_attendance_meeting_id"),
        sa.PrimaryKeyConstraint("id", name="pk_workspace_attendance"),
    )
    op.create_index("ix_workspace_attendance_attendee_id_id", "workspace_attendance", ["attendee_id", "id"], **ALIVE)
    op.create_index("ix_workspace_attendance_meeting_id_id", "workspace_attendance", ["meeting_id", "id"], **ALIVE)
    op.create_index(
        "uq_workspace_attendance_meeting_id_attendee_entity__6a2f023f",
        "workspace_attendance",
        ["meeting_id", "attendee_entity", "attendee_id"],
        unique=True,
        **ALIVE,
    )
    op.create_table(
        "workspace_meeting_exception",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("meeting_id", ID, nullable=False),
        sa.Column("original_at", MOMENT, nullable=False),
        sa.Column("is_cancelled", sa.Boolean(), nullable=False),
        sa.Column("starts_at", MOMENT, nullable=True),
        sa.Column("ends_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["workspace_meeting.id"], name="fk_workspace_meeting_exception_meeting_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_workspace_meeting_exception"),
    )
    op.create_index(
        "ix_workspace_meeting_exception_meeting_id_id", "workspace_meeting_exception", ["meeting_id", "id"], **ALIVE
    )
    op.create_index(
        "ix_workspace_meeting_exception_starts_at_id", "workspace_meeting_exception", ["starts_at", "id"], **ALIVE
    )
    op.create_index(
        "uq_workspace_meeting_exception_meeting_id_original_at",
        "workspace_meeting_exception",
        ["meeting_id", "original_at"],
        unique=True,
        **ALIVE,
    )
    op.create_table(
        "workspace_meeting_subject",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("meeting_id", ID, nullable=False),
        sa.Column("record_entity", text(80), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["workspace_meeting.id"], name="fk_workspace_meeting_subject_meeting_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_workspace_meeting_subject"),
    )
    op.create_index(
        "ix_workspace_meeting_subject_meeting_id_id", "workspace_meeting_subject", ["meeting_id", "id"], **ALIVE
    )
    op.create_index(
        "ix_workspace_meeting_subject_record_id_id", "workspace_meeting_subject", ["record_id", "id"], **ALIVE
    )
    op.create_index(
        "uq_workspace_meeting_subject_meeting_id_record_enti_49233fe4",
        "workspace_meeting_subject",
        ["meeting_id", "record_entity", "record_id"],
        unique=True,
        **ALIVE,
    )


def downgrade() -> None:
    op.drop_table("workspace_meeting_subject")
    op.drop_table("workspace_meeting_exception")
    op.drop_table("workspace_attendance")
    op.drop_table("workspace_meeting")
