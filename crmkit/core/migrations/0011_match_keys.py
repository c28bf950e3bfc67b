"""Keys by which records that may be the same are found."""

import sqlalchemy as sa
from alembic import op

revision = "core_0011"
down_revision = "core_0010"
branch_labels = None
depends_on = None

ID = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "core_match_key",
        sa.Column("entity", text(80), nullable=False),
        sa.Column("key", text(200), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("entity", "key", "record_id", name="pk_core_match_key"),
    )
    op.create_index("ix_core_match_key_record_id", "core_match_key", ["record_id"])


def downgrade() -> None:
    op.drop_table("core_match_key")
