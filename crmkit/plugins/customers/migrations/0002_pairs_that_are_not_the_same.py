"""pairs that are not the same."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "customers_0002"
down_revision = "customers_0001"
branch_labels = None
depends_on = ("core_0013",)

ID = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
ALIVE: dict[str, Any] = dict.fromkeys(("sqlite_where", "postgresql_where"), sa.text("deleted_at IS NULL"))


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "customers_not_duplicate",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("one_entity", text(80), nullable=False),
        sa.Column("one_id", ID, nullable=False),
        sa.Column("other_entity", text(80), nullable=False),
        sa.Column("other_id", ID, nullable=False),
        sa.Column("reason", text(500), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_customers_not_duplicate"),
    )
    op.create_index("ix_customers_not_duplicate_one_id_id", "customers_not_duplicate", ["one_id", "id"], **ALIVE)
    op.create_index("ix_customers_not_duplicate_other_id_id", "customers_not_duplicate", ["other_id", "id"], **ALIVE)
    op.create_index(
        "uq_customers_not_duplicate_one_entity_one_id_other__319ea07a",
        "customers_not_duplicate",
        ["one_entity", "one_id", "other_entity", "other_id"],
        unique=True,
        **ALIVE,
    )


def downgrade() -> None:
    op.drop_table("customers_not_duplicate")
