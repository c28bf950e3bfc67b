"""Files on their way in or out."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "core_0028"
down_revision = "core_0027"
branch_labels = None
depends_on = None

ID = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "core_passing_file",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("job_id", ID, nullable=True),
        sa.Column("kind", text(10), nullable=False),
        sa.Column("entity", text(80), nullable=True),
        sa.Column("name", text(255), nullable=False),
        sa.Column("media_type", text(127), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("content", text(64), nullable=True),
        sa.Column("told", JSON, nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_core_passing_file"),
    )
    op.create_index("ix_core_passing_file_at", "core_passing_file", ["at"], unique=False)
    op.create_index("ix_core_passing_file_job_id", "core_passing_file", ["job_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_core_passing_file_job_id", table_name="core_passing_file")
    op.drop_index("ix_core_passing_file_at", table_name="core_passing_file")
    op.drop_table("core_passing_file")
