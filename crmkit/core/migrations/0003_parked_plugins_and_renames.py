"""parked plugins and renames."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "core_0003"
down_revision = "core_0002"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "core_parked",
        sa.Column("plugin", text(80), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("version", text(80), nullable=True),
        sa.Column("tables", JSON, nullable=False),
        sa.PrimaryKeyConstraint("plugin", name="pk_core_parked"),
    )
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


def downgrade() -> None:
    op.drop_table("core_rename")
    op.drop_table("core_parked")
