"""sources of messages."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "webhooks_0002"
down_revision = "webhooks_0001"
branch_labels = None
depends_on = ("core_0026", "workspace_0008")

ID = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
LONG_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ALIVE: dict[str, Any] = dict.fromkeys(("sqlite_where", "postgresql_where"), sa.text("deleted_at IS NULL"))


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "webhooks_source",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("name", text(200), nullable=False),
        sa.Column("hook", text(100), nullable=False),
        sa.Column("acts_as_id", ID, nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("secret_sealed", LONG_TEXT, nullable=True),
        sa.Column("old_secret_sealed", LONG_TEXT, nullable=True),
        sa.Column("old_secret_ends_at", MOMENT, nullable=True),
        sa.Column("note", text(2000), nullable=True),
        sa.ForeignKeyConstraint(["acts_as_id"], ["core_user.id"], name="fk_webhooks_source_acts_as_id"),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks_source"),
    )
    op.create_index("ix_webhooks_source_acts_as_id_id", "webhooks_source", ["acts_as_id", "id"], **ALIVE)


def downgrade() -> None:
    op.drop_table("webhooks_source")
