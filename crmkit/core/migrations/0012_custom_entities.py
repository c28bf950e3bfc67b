"""Custom entities."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "core_0012"
down_revision = "core_0011"
branch_labels = None
depends_on = None

ID = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
ALIVE: dict[str, Any] = dict.fromkeys(("sqlite_where", "postgresql_where"), sa.text("deleted_at IS NULL"))


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "core_custom_entity",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("slug", text(30), nullable=False),
        sa.Column("label", text(200), nullable=False),
        sa.Column("labels", JSON, nullable=False),
        sa.Column("owned", sa.Boolean(), nullable=False),
        sa.Column("number_prefix", text(10), nullable=True),
        sa.Column("follows", text(80), nullable=True),
        sa.Column("stages", JSON, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_core_custom_entity"),
    )
    op.create_index("uq_core_custom_entity_slug", "core_custom_entity", ["slug"], unique=True, **ALIVE)


def downgrade() -> None:
    op.drop_table("core_custom_entity")
