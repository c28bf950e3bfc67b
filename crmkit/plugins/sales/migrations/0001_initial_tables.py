"""initial tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "sales_0001"
down_revision = None
branch_labels = ("sales",)
depends_on = ("core_0001", "commerce_0001", "customers_0001")

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
        "sales_deal",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("pipeline", text(64), nullable=False),
        sa.Column("pipeline_version", sa.BigInteger(), nullable=False),
        sa.Column("stage", text(64), nullable=False),
        sa.Column("stage_kind", text(64), nullable=False),
        sa.Column("stage_entered_at", MOMENT, nullable=False),
        sa.Column("owner_id", ID, nullable=True),
        sa.Column("team_id", ID, nullable=True),
        sa.Column("number", text(40), nullable=True),
        sa.Column("name", text(200), nullable=False),
        sa.Column("company_id", ID, nullable=True),
        sa.Column("contact_id", ID, nullable=True),
        sa.Column("product_id", ID, nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("amount_currency", text(3), nullable=True),
        sa.Column("amount_base", sa.BigInteger(), nullable=True),
        sa.Column("expected_close_on", DAY, nullable=True),
        sa.Column("engaged_on", DAY, nullable=True),
        sa.Column("closed_on", DAY, nullable=True),
        sa.Column("source", text(64), nullable=True),
        sa.Column("lost_reason", text(64), nullable=True),
        sa.Column("description", LONG_TEXT, nullable=True),
        sa.ForeignKeyConstraint(["company_id"], ["customers_company.id"], name="fk_sales_deal_company_id"),
        sa.ForeignKeyConstraint(["contact_id"], ["customers_contact.id"], name="fk_sales_deal_contact_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["core_user.id"], name="fk_sales_deal_owner_id"),
        sa.ForeignKeyConstraint(["product_id"], ["commerce_product.id"], name="fk_sales_deal_product_id"),
        sa.ForeignKeyConstraint(["team_id"], ["core_team.id"], name="fk_sales_deal_team_id"),
        sa.PrimaryKeyConstraint("id", name="pk_sales_deal"),
    )
    op.create_index("ix_sales_deal_closed_on_id", "sales_deal", ["closed_on", "id"], **ALIVE)
    op.create_index("ix_sales_deal_company_id_id", "sales_deal", ["company_id", "id"], **ALIVE)
    op.create_index("ix_sales_deal_contact_id_id", "sales_deal", ["contact_id", "id"], **ALIVE)
    op.create_index("ix_sales_deal_expected_close_on_id", "sales_deal", ["expected_close_on", "id"], **ALIVE)
    op.create_index("ix_sales_deal_owner_id_closed_on_id", "sales_deal", ["owner_id", "closed_on", "id"], **ALIVE)
    op.create_index(
        "ix_sales_deal_owner_id_expected_close_on_id", "sales_deal", ["owner_id", "expected_close_on", "id"], **ALIVE
    )
    op.create_index("ix_sales_deal_owner_id_id", "sales_deal", ["owner_id", "id"], **ALIVE)
    op.create_index(
        "ix_sales_deal_owner_id_stage_amount_base", "sales_deal", ["owner_id", "stage", "amount_base"], **ALIVE
    )
    op.create_index("ix_sales_deal_product_id_id", "sales_deal", ["product_id", "id"], **ALIVE)
    op.create_index("ix_sales_deal_stage_amount_base", "sales_deal", ["stage", "amount_base"], **ALIVE)
    op.create_index("ix_sales_deal_team_id_closed_on_id", "sales_deal", ["team_id", "closed_on", "id"], **ALIVE)
    op.create_index(
        "ix_sales_deal_team_id_expected_close_on_id", "sales_deal", ["team_id", "expected_close_on", "id"], **ALIVE
    )
    op.create_index("ix_sales_deal_team_id_id", "sales_deal", ["team_id", "id"], **ALIVE)
    op.create_index(
        "ix_sales_deal_team_id_stage_amount_base_owner_id",
        "sales_deal",
        ["team_id", "stage", "amount_base", "owner_id"],
        **ALIVE,
    )
    op.create_index("uq_sales_deal_number", "sales_deal", ["number"], unique=True, **ALIVE)
    op.create_table(
        "sales_lead",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("pipeline", text(64), nullable=False),
        sa.Column("pipeline_version", sa.BigInteger(), nullable=False),
        sa.Column("stage", text(64), nullable=False),
        sa.Column("stage_kind", text(64), nullable=False),
        sa.Column("stage_entered_at", MOMENT, nullable=False),
        sa.Column("owner_id", ID, nullable=True),
        sa.Column("team_id", ID, nullable=True),
        sa.Column("number", text(40), nullable=True),
        sa.Column("name", text(200), nullable=False),
        sa.Column("contact_name", text(200), nullable=True),
        sa.Column("job_title", text(150), nullable=True),
        sa.Column("company_name", text(200), nullable=True),
        sa.Column("email", text(254), nullable=True),
        sa.Column("phone", text(40), nullable=True),
        sa.Column("source", text(64), nullable=True),
        sa.Column("product_id", ID, nullable=True),
        sa.Column("description", LONG_TEXT, nullable=True),
        sa.Column("disqualified_reason", text(64), nullable=True),
        sa.Column("company_id", ID, nullable=True),
        sa.Column("contact_id", ID, nullable=True),
        sa.Column("deal_id", ID, nullable=True),
        sa.ForeignKeyConstraint(["company_id"], ["customers_company.id"], name="fk_sales_lead_company_id"),
        sa.ForeignKeyConstraint(["contact_id"], ["customers_contact.id"], name="fk_sales_lead_contact_id"),
        sa.ForeignKeyConstraint(["deal_id"], ["sales_deal.id"], name="fk_sales_lead_deal_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["core_user.id"], name="fk_sales_lead_owner_id"),
        sa.ForeignKeyConstraint(["product_id"], ["commerce_product.id"], name="fk_sales_lead_product_id"),
        sa.ForeignKeyConstraint(["team_id"], ["core_team.id"], name="fk_sales_lead_team_id"),
        sa.PrimaryKeyConstraint("id", name="pk_sales_lead"),
    )
    op.create_index("ix_sales_lead_company_id_id", "sales_lead", ["company_id", "id"], **ALIVE)
    op.create_index("ix_sales_lead_contact_id_id", "sales_lead", ["contact_id", "id"], **ALIVE)
    op.create_index("ix_sales_lead_deal_id_id", "sales_lead", ["deal_id", "id"], **ALIVE)
    op.create_index("ix_sales_lead_owner_id_id", "sales_lead", ["owner_id", "id"], **ALIVE)
    op.create_index("ix_sales_lead_owner_id_stage", "sales_lead", ["owner_id", "stage"], **ALIVE)
    op.create_index("ix_sales_lead_product_id_id", "sales_lead", ["product_id", "id"], **ALIVE)
    op.create_index("ix_sales_lead_stage", "sales_lead", ["stage"], **ALIVE)
    op.create_index("ix_sales_lead_team_id_id", "sales_lead", ["team_id", "id"], **ALIVE)
    op.create_index("ix_sales_lead_team_id_stage_owner_id", "sales_lead", ["team_id", "stage", "owner_id"], **ALIVE)
    op.create_index("uq_sales_lead_number", "sales_lead", ["number"], unique=True, **ALIVE)


def downgrade() -> None:
    op.drop_table("sales_lead")
    op.drop_table("sales_deal")
