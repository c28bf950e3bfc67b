"""In which traces a job was enqueued, and something was written, for the spans of what is done of it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "core_0030"
down_revision = "core_0029"
branch_labels = None
depends_on = None

JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.add_column("core_job", sa.Column("traces", JSON, nullable=True))
    op.add_column("core_outbox", sa.Column("traces", JSON, nullable=True))


def downgrade() -> None:
    op.drop_column("core_outbox", "traces")
    op.drop_column("core_job", "traces")
