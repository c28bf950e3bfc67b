"""Versions of pipelines that are made at run time."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "core_0010"
down_revision = "core_0009"
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
        "core_pipeline_version",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("pipeline", text(64), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("definition", JSON, nullable=False),
        sa.Column("mapping", JSON, nullable=False),
        sa.Column("based_on", sa.BigInteger(), nullable=True),
        sa.Column("base", sa.BigInteger(), nullable=True),
        sa.Column("base_definition", JSON, nullable=True),
        sa.Column("published_at", MOMENT, nullable=True),
        sa.Column("note", text(2000), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_core_pipeline_version"),
    )
    op.create_index(
        "uq_core_pipeline_version_pipeline_number",
        "core_pipeline_version",
        ["pipeline", "number"],
        unique=True,
        **ALIVE,
    )


def downgrade() -> None:
    op.drop_table("core_pipeline_version")
