"""Attempts to pass the wall."""

import sqlalchemy as sa
from alembic import op

revision = "core_0021"
down_revision = "core_0020"
branch_labels = None
depends_on = None

ID = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "core_side_door",
        sa.Column("id", COUNTER, autoincrement=True, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("module", text(200), nullable=False),
        sa.Column("door", text(80), nullable=False),
        sa.Column("principal_id", ID, nullable=True),
        sa.Column("cause", text(200), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_core_side_door"),
    )


def downgrade() -> None:
    op.drop_table("core_side_door")
