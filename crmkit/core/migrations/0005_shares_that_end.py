"""Shares that end."""

import sqlalchemy as sa
from alembic import op

revision = "core_0005"
down_revision = "core_0004"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")


def upgrade() -> None:
    op.add_column("core_share", sa.Column("ends_at", MOMENT, nullable=True))


def downgrade() -> None:
    op.drop_column("core_share", "ends_at")
