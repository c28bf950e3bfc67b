"""Which record is the local form of a shipped thing."""

import sqlalchemy as sa
from alembic import op

revision = "core_0018"
down_revision = "core_0017"
branch_labels = None
depends_on = None

ID = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")


def upgrade() -> None:
    op.add_column("core_local_edit", sa.Column("record_id", ID, nullable=True))


def downgrade() -> None:
    op.drop_column("core_local_edit", "record_id")
