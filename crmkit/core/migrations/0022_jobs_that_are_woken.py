"""Jobs that are woken while they are done."""

import sqlalchemy as sa
from alembic import op

revision = "core_0022"
down_revision = "core_0021"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")


def upgrade() -> None:
    op.add_column("core_job", sa.Column("again_at", MOMENT, nullable=True))


def downgrade() -> None:
    op.drop_column("core_job", "again_at")
