"""The words by which records are found, and custom fields that are searched."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "core_0029"
down_revision = "core_0028"
branch_labels = None
depends_on = None

ID = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WORDS = sa.Text().with_variant(postgresql.TSVECTOR(), "postgresql")


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "core_search_document",
        sa.Column("id", COUNTER, autoincrement=True, nullable=False),
        sa.Column("entity", text(80), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("words", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_core_search_document"),
    )
    op.create_index(
        "uq_core_search_document_record_id_entity", "core_search_document", ["record_id", "entity"], unique=True
    )
    op.add_column("core_custom_field", sa.Column("search", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("core_custom_field", "search")
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE IF EXISTS core_search_index")
    op.drop_table("core_search_document")
