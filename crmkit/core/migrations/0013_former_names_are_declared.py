"""Former names of fields stand in their declarations, so that no table is needed for them."""

import sqlalchemy as sa
from alembic import op

revision = "core_0013"
down_revision = "core_0012"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.drop_table("core_rename")


def downgrade() -> None:
    op.create_table(
        "core_rename",
        sa.Column("id", COUNTER, autoincrement=True, nullable=False),
        sa.Column("entity", text(80), nullable=False),
        sa.Column("field", text(120), nullable=False),
        sa.Column("name", text(120), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_core_rename"),
    )
