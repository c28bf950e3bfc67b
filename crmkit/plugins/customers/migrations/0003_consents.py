"""consents."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "customers_0003"
down_revision = "customers_0002"
branch_labels = None
depends_on = ("core_0013",)

ID = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
ALIVE: dict[str, Any] = dict.fromkeys(("sqlite_where", "postgresql_where"), sa.text("deleted_at IS NULL"))


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def long_text() -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "customers_consent",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("contact_id", ID, nullable=False),
        sa.Column("purpose", text(100), nullable=False),
        sa.Column("channel", text(64), nullable=False),
        sa.Column("status", text(64), nullable=False),
        sa.Column("decided_at", MOMENT, nullable=False),
        sa.Column("source", text(200), nullable=False),
        sa.Column("evidence", long_text(), nullable=True),
        sa.Column("text_version", text(100), nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["customers_contact.id"], name="fk_customers_consent_contact_id"),
        sa.PrimaryKeyConstraint("id", name="pk_customers_consent"),
    )
    op.create_index("ix_customers_consent_contact_id_id", "customers_consent", ["contact_id", "id"], **ALIVE)
    op.create_index("ix_customers_consent_purpose_id", "customers_consent", ["purpose", "id"], **ALIVE)


def downgrade() -> None:
    op.drop_table("customers_consent")
