"""initial tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "webhooks_0001"
down_revision = None
branch_labels = ("webhooks",)
depends_on = ("core_0023", "workspace_0008")

ID = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
LONG_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ALIVE: dict[str, Any] = dict.fromkeys(("sqlite_where", "postgresql_where"), sa.text("deleted_at IS NULL"))


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "webhooks_endpoint",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("name", text(200), nullable=False),
        sa.Column("url", text(2000), nullable=False),
        sa.Column("events", JSON, nullable=False),
        sa.Column("entity", text(80), nullable=True),
        sa.Column("condition", LONG_TEXT, nullable=True),
        sa.Column("acts_as_id", ID, nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("secret_sealed", LONG_TEXT, nullable=True),
        sa.Column("old_secret_sealed", LONG_TEXT, nullable=True),
        sa.Column("old_secret_ends_at", MOMENT, nullable=True),
        sa.Column("failing_since_at", MOMENT, nullable=True),
        sa.Column("resumes_at", MOMENT, nullable=True),
        sa.Column("off_reason", text(2000), nullable=True),
        sa.Column("note", text(2000), nullable=True),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["acts_as_id"], ["core_user.id"], name="fk_webhooks_endpoint_acts_as_id"),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks_endpoint"),
    )
    op.create_index("ix_webhooks_endpoint_acts_as_id_id", "webhooks_endpoint", ["acts_as_id", "id"], **ALIVE)
    op.create_table(
        "webhooks_delivery",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("endpoint_id", ID, nullable=False),
        sa.Column("event", text(160), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("entity", text(80), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("happened_at", MOMENT, nullable=False),
        sa.Column("state", text(64), nullable=False),
        sa.Column("next_at", MOMENT, nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", MOMENT, nullable=True),
        sa.Column("took_ms", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.BigInteger(), nullable=True),
        sa.Column("response", LONG_TEXT, nullable=True),
        sa.Column("error", text(2000), nullable=True),
        sa.ForeignKeyConstraint(["endpoint_id"], ["webhooks_endpoint.id"], name="fk_webhooks_delivery_endpoint_id"),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks_delivery"),
    )
    op.create_index("ix_webhooks_delivery_endpoint_id_id", "webhooks_delivery", ["endpoint_id", "id"], **ALIVE)
    op.create_index(
        "ix_webhooks_delivery_endpoint_id_next_at_id", "webhooks_delivery", ["endpoint_id", "next_at", "id"], **ALIVE
    )
    op.create_index("ix_webhooks_delivery_happened_at_id", "webhooks_delivery", ["happened_at", "id"], **ALIVE)
    op.create_table(
        "webhooks_replay",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("endpoint_id", ID, nullable=False),
        sa.Column("delivery_id", ID, nullable=True),
        sa.Column("begins_at", MOMENT, nullable=True),
        sa.Column("ends_at", MOMENT, nullable=True),
        sa.Column("is_everything", sa.Boolean(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["webhooks_delivery.id"], name="fk_webhooks_replay_delivery_id"),
        sa.ForeignKeyConstraint(["endpoint_id"], ["webhooks_endpoint.id"], name="fk_webhooks_replay_endpoint_id"),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks_replay"),
    )
    op.create_index("ix_webhooks_replay_delivery_id_id", "webhooks_replay", ["delivery_id", "id"], **ALIVE)
    op.create_index("ix_webhooks_replay_endpoint_id_id", "webhooks_replay", ["endpoint_id", "id"], **ALIVE)


def downgrade() -> None:
    op.drop_table("webhooks_replay")
    op.drop_table("webhooks_delivery")
    op.drop_table("webhooks_endpoint")
