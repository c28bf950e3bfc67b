"""files."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "workspace_0002"
down_revision = "workspace_0001"
branch_labels = None
depends_on = ("core_0006",)

ID = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
ALIVE: dict[str, Any] = dict.fromkeys(("sqlite_where", "postgresql_where"), sa.text("deleted_at IS NULL"))


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "workspace_file",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("owner_id", ID, nullable=True),
        sa.Column("team_id", ID, nullable=True),
        sa.Column("regarding_entity", text(80), nullable=False),
        sa.Column("regarding_id", ID, nullable=False),
        sa.Column("name", text(255), nullable=False),
        sa.Column("content_type", text(127), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("content_hash", text(64), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["core_user.id"], name="fk_workspace_file_owner_id"),
        sa.ForeignKeyConstraint(["team_id"], ["core_team.id"], name="fk_workspace_file_team_id"),
        sa.PrimaryKeyConstraint("id", name="pk_workspace_file"),
    )
    op.create_index("ix_workspace_file_content_hash_id", "workspace_file", ["content_hash", "id"], **ALIVE)
    op.create_index(
        "ix_workspace_file_owner_id_content_hash_id", "workspace_file", ["owner_id", "content_hash", "id"], **ALIVE
    )
    op.create_index("ix_workspace_file_owner_id_id", "workspace_file", ["owner_id", "id"], **ALIVE)
    op.create_index("ix_workspace_file_regarding_id_id", "workspace_file", ["regarding_id", "id"], **ALIVE)
    op.create_index(
        "ix_workspace_file_team_id_content_hash_id", "workspace_file", ["team_id", "content_hash", "id"], **ALIVE
    )
    op.create_index("ix_workspace_file_team_id_id", "workspace_file", ["team_id", "id"], **ALIVE)


def downgrade() -> None:
    op.drop_table("workspace_file")
