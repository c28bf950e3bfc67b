"""API tokens."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "core_0023"
down_revision = "core_0022"
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
        "core_token_secret",
        sa.Column("token_id", ID, nullable=False),
        sa.Column("digest", text(64), nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("token_id", name="pk_core_token_secret"),
    )
    op.create_index("uq_core_token_secret_digest", "core_token_secret", ["digest"], unique=True)
    op.create_table(
        "core_token",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("name", text(200), nullable=False),
        sa.Column("prefix", text(20), nullable=False),
        sa.Column("scopes", text(2000), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["core_user.id"], name="fk_core_token_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_core_token"),
    )
    op.create_index("ix_core_token_user_id_id", "core_token", ["user_id", "id"], **ALIVE)
    op.add_column("core_job", sa.Column("scopes", JSON, nullable=True))
    op.add_column("core_user", sa.Column("kind", text(64), server_default="person", nullable=False))


def downgrade() -> None:
    op.drop_column("core_user", "kind")
    op.drop_column("core_job", "scopes")
    op.drop_table("core_token")
    op.drop_table("core_token_secret")
