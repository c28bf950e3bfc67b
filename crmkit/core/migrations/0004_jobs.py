"""Jobs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "core_0004"
down_revision = "core_0003"
branch_labels = None
depends_on = None

ID = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "core_circuit",
        sa.Column("plugin", text(40), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_job", ID, nullable=True),
        sa.Column("opened_at", MOMENT, nullable=True),
        sa.Column("retry_at", MOMENT, nullable=True),
        sa.Column("error", text(100), nullable=True),
        sa.PrimaryKeyConstraint("plugin", name="pk_core_circuit"),
    )
    op.create_table(
        "core_job",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", text(10), nullable=False),
        sa.Column("name", text(100), nullable=False),
        sa.Column("plugin", text(40), nullable=False),
        sa.Column("key", text(250), nullable=True),
        sa.Column("state", text(10), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("run_at", MOMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("is_suspect", sa.Boolean(), nullable=False),
        sa.Column("owner", text(80), nullable=True),
        sa.Column("leased_until", MOMENT, nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("payload", JSON, nullable=False),
        sa.Column("principal_id", ID, nullable=True),
        sa.Column("cause", text(200), nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("error", text(100), nullable=True),
        sa.Column("details", sa.Text(), nullable=True),
        sa.Column("progress", JSON, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_core_job"),
    )
    op.create_index("ix_core_job_state_finished_at", "core_job", ["state", "finished_at"])
    op.create_index("ix_core_job_state_leased_until", "core_job", ["state", "leased_until"])
    op.create_index("ix_core_job_state_priority_run_at_id", "core_job", ["state", "priority", "run_at", "id"])
    op.create_index("uq_core_job_key", "core_job", ["key"], unique=True)
    op.create_table(
        "core_occurrence",
        sa.Column("schedule", text(100), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("schedule", "record_id", "due_at", name="pk_core_occurrence"),
    )


def downgrade() -> None:
    op.drop_table("core_occurrence")
    op.drop_table("core_job")
    op.drop_table("core_circuit")
