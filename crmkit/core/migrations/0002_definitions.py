"""Count how often what is defined at run time has changed."""

import sqlalchemy as sa
from alembic import op

revision = "core_0002"
down_revision = "core_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("core_epoch", sa.Column("definitions", sa.BigInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("core_epoch", "definitions")
