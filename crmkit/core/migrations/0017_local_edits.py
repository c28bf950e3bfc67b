"""What administrators make of shipped roles."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "core_0017"
down_revision = "core_0016"
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
        "core_local_edit",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("kind", text(64), nullable=False),
        sa.Column("thing", text(80), nullable=False),
        sa.Column("base", JSON, nullable=False),
        sa.Column("local", JSON, nullable=False),
        sa.Column("base_version", text(40), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_core_local_edit"),
    )
    op.create_index("uq_core_local_edit_kind_thing", "core_local_edit", ["kind", "thing"], unique=True, **ALIVE)


def downgrade() -> None:
    op.drop_table("core_local_edit")
