"""Legal holds, and what is kept of erasures."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "core_0014"
down_revision = "core_0013"
branch_labels = None
depends_on = None

ID = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ALIVE: dict[str, Any] = dict.fromkeys(("sqlite_where", "postgresql_where"), sa.text("deleted_at IS NULL"))


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "core_legal_hold",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("record_entity", text(80), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("reason", text(2000), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_core_legal_hold"),
    )
    op.create_index("ix_core_legal_hold_record_id_id", "core_legal_hold", ["record_id", "id"], **ALIVE)
    op.create_table(
        "core_erasure",
        sa.Column("id", COUNTER, autoincrement=True, nullable=False),
        sa.Column("entity", text(80), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_core_erasure"),
    )
    op.create_index("ix_core_erasure_record_id_entity", "core_erasure", ["record_id", "entity"])
    op.create_table(
        "core_unwanted_content",
        sa.Column("hash", text(64), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_core_unwanted_content"),
    )


def downgrade() -> None:
    for table in ("core_unwanted_content", "core_erasure", "core_legal_hold"):
        op.drop_table(table)
