"""Answers to requests that may be sent again."""

import sqlalchemy as sa
from alembic import op

revision = "core_0026"
down_revision = "core_0025"
branch_labels = None
depends_on = None

ID = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "core_answer",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("key", text(200), nullable=False),
        sa.Column("asked", sa.LargeBinary(32), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "key", name="pk_core_answer"),
    )
    op.create_index("ix_core_answer_at", "core_answer", ["at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_core_answer_at", table_name="core_answer")
    op.drop_table("core_answer")
