"""Offboarding."""

import sqlalchemy as sa
from alembic import op

revision = "core_0006"
down_revision = "core_0005"
branch_labels = None
depends_on = None

ID = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "core_offboarding",
        sa.Column("id", COUNTER, autoincrement=True, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("by", ID, nullable=True),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("returned_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_core_offboarding"),
    )
    op.create_index("ix_core_offboarding_user_id_id", "core_offboarding", ["user_id", "id"])


def downgrade() -> None:
    op.drop_table("core_offboarding")
