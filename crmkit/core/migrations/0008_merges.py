"""Which record went into which."""

import sqlalchemy as sa
from alembic import op

revision = "core_0008"
down_revision = "core_0007"
branch_labels = None
depends_on = None

ID = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "core_merge",
        sa.Column("entity", text(80), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("winner_id", ID, nullable=False),
        sa.Column("number", text(80), nullable=True),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("entity", "record_id", name="pk_core_merge"),
    )
    op.create_index("ix_core_merge_entity_number", "core_merge", ["entity", "number"])


def downgrade() -> None:
    op.drop_table("core_merge")
