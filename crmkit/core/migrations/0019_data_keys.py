"""The keys of encrypted fields."""

import sqlalchemy as sa
from alembic import op

revision = "core_0019"
down_revision = "core_0018"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "core_data_key",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("purpose", text(16), nullable=False),
        sa.Column("master", text(32), nullable=False),
        sa.Column("wrapped", text(200), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_core_data_key"),
    )
    op.add_column("core_epoch", sa.Column("keys", sa.BigInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("core_epoch", "keys")
    op.drop_table("core_data_key")
