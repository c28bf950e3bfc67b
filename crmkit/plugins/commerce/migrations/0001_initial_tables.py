"""initial tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "commerce_0001"
down_revision = None
branch_labels = ("commerce",)
depends_on = ("core_0001",)

ID = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
DAY = sa.String(10).with_variant(sa.Date(), "postgresql")
JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
LONG_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ALIVE: dict[str, Any] = dict.fromkeys(("sqlite_where", "postgresql_where"), sa.text("deleted_at IS NULL"))


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "commerce_product",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("number", text(40), nullable=True),
        sa.Column("name", text(200), nullable=False),
        sa.Column("sku", text(60), nullable=True),
        sa.Column("series", text(100), nullable=True),
        sa.Column("unit", text(20), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("description", LONG_TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_commerce_product"),
    )
    op.create_index("ix_commerce_product_name_id", "commerce_product", ["name", "id"], **ALIVE)
    op.create_index("ix_commerce_product_series_id", "commerce_product", ["series", "id"], **ALIVE)
    op.create_index("uq_commerce_product_number", "commerce_product", ["number"], unique=True, **ALIVE)
    op.create_index("uq_commerce_product_sku", "commerce_product", ["sku"], unique=True, **ALIVE)
    op.create_table(
        "commerce_price",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("product_id", ID, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("amount_currency", text(3), nullable=False),
        sa.Column("amount_base", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", DAY, nullable=False),
        sa.Column("valid_to", DAY, nullable=True),
        sa.Column("min_quantity", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["commerce_product.id"], name="fk_commerce_price_product_id"),
        sa.PrimaryKeyConstraint("id", name="pk_commerce_price"),
    )
    op.create_index("ix_commerce_price_product_id_id", "commerce_price", ["product_id", "id"], **ALIVE)


def downgrade() -> None:
    op.drop_table("commerce_price")
    op.drop_table("commerce_product")
