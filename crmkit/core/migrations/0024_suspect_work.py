"""Work that a lost worker had among others is found without looking at all other work."""

import sqlalchemy as sa
from alembic import op

revision = "core_0024"
down_revision = "core_0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_core_job_suspect_state_run_at",
        "core_job",
        ["state", "run_at"],
        sqlite_where=sa.text("is_suspect = 1"),
        postgresql_where=sa.text("is_suspect"),
    )


def downgrade() -> None:
    op.drop_index("ix_core_job_suspect_state_run_at", table_name="core_job")
