"""views."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "workspace_0003"
down_revision = "workspace_0002"
branch_labels = None
depends_on = ("core_0009",)

ID = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
LONG_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ALIVE: dict[str, Any] = dict.fromkeys(("sqlite_where", "postgresql_where"), sa.text("deleted_at IS NULL"))


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "workspace_view",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("owner_id", ID, nullable=True),
        sa.Column("team_id", ID, nullable=True),
        sa.Column("name", text(100), nullable=False),
        sa.Column("listed", text(80), nullable=False),
        sa.Column("rule", LONG_TEXT, nullable=True),
        sa.Column("columns", text(2000), nullable=True),
        sa.Column("order_by", text(500), nullable=True),
        sa.Column("group_by", text(80), nullable=True),
        sa.Column("kind", text(64), nullable=False),
        sa.Column("audience", text(64), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["core_user.id"], name="fk_workspace_view_owner_id"),
        sa.ForeignKeyConstraint(["team_id"], ["core_team.id"], name="fk_workspace_view_team_id"),
        sa.PrimaryKeyConstraint("id", name="pk_workspace_view"),
    )
    op.create_index("ix_workspace_view_listed_id", "workspace_view", ["listed", "id"], **ALIVE)
    op.create_index("ix_workspace_view_owner_id_id", "workspace_view", ["owner_id", "id"], **ALIVE)
    op.create_index("ix_workspace_view_owner_id_listed_id", "workspace_view", ["owner_id", "listed", "id"], **ALIVE)
    op.create_index("ix_workspace_view_team_id_id", "workspace_view", ["team_id", "id"], **ALIVE)
    op.create_index("ix_workspace_view_team_id_listed_id", "workspace_view", ["team_id", "listed", "id"], **ALIVE)
    op.create_table(
        "workspace_default_view",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("owner_id", ID, nullable=True),
        sa.Column("team_id", ID, nullable=True),
        sa.Column("listed", text(80), nullable=False),
        sa.Column("view_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["core_user.id"], name="fk_workspace_default_view_owner_id"),
        sa.ForeignKeyConstraint(["team_id"], ["core_team.id"], name="fk_workspace_default_view_team_id"),
        sa.ForeignKeyConstraint(["view_id"], ["workspace_view.id"], name="fk_workspace_default_view_view_id"),
        sa.PrimaryKeyConstraint("id", name="pk_workspace_default_view"),
    )
    op.create_index("ix_workspace_default_view_owner_id_id", "workspace_default_view", ["owner_id", "id"], **ALIVE)
    op.create_index("ix_workspace_default_view_team_id_id", "workspace_default_view", ["team_id", "id"], **ALIVE)
    op.create_index("ix_workspace_default_view_view_id_id", "workspace_default_view", ["view_id", "id"], **ALIVE)
    op.create_index(
        "uq_workspace_default_view_owner_id_listed",
        "workspace_default_view",
        ["owner_id", "listed"],
        unique=True,
        **ALIVE,
    )


def downgrade() -> None:
    op.drop_table("workspace_default_view")
    op.drop_table("workspace_view")
