"""Entities that plugins took over, and purged ones."""

import sqlalchemy as sa
from alembic import op

revision = "core_0020"
down_revision = "core_0019"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "core_entity_owner",
        sa.Column("entity", text(80), nullable=False),
        sa.Column("plugin", text(80), nullable=False),
        sa.PrimaryKeyConstraint("entity", name="pk_core_entity_owner"),
    )
    op.add_column("core_custom_entity", sa.Column("purged_at", MOMENT, nullable=True))


def downgrade() -> None:
    op.drop_column("core_custom_entity", "purged_at")
    op.drop_table("core_entity_owner")
