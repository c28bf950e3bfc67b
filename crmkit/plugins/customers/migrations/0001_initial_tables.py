"""initial tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "customers_0001"
down_revision = None
branch_labels = ("customers",)
depends_on = ("core_0001",)

ID = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
LONG_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ALIVE: dict[str, Any] = dict.fromkeys(("sqlite_where", "postgresql_where"), sa.text("deleted_at IS NULL"))


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "customers_company",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("owner_id", ID, nullable=True),
        sa.Column("team_id", ID, nullable=True),
        sa.Column("number", text(40), nullable=True),
        sa.Column("name", text(200), nullable=False),
        sa.Column("parent_id", ID, nullable=True),
        sa.Column("relationship", text(64), nullable=True),
        sa.Column("sector", text(100), nullable=True),
        sa.Column("email", text(254), nullable=True),
        sa.Column("phone", text(40), nullable=True),
        sa.Column("website", text(2000), nullable=True),
        sa.Column("street", text(200), nullable=True),
        sa.Column("postal_code", text(20), nullable=True),
        sa.Column("city", text(100), nullable=True),
        sa.Column("region", text(100), nullable=True),
        sa.Column("country", text(100), nullable=True),
        sa.Column("employees", sa.BigInteger(), nullable=True),
        sa.Column("revenue_minor", sa.BigInteger(), nullable=True),
        sa.Column("revenue_currency", text(3), nullable=True),
        sa.Column("revenue_base", sa.BigInteger(), nullable=True),
        sa.Column("founded", sa.BigInteger(), nullable=True),
        sa.Column("tax_number", text(40), nullable=True),
        sa.Column("description", LONG_TEXT, nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["core_user.id"], name="fk_customers_company_owner_id"),
        sa.ForeignKeyConstraint(["parent_id"], ["customers_company.id"], name="fk_customers_company_parent_id"),
        sa.ForeignKeyConstraint(["team_id"], ["core_team.id"], name="fk_customers_company_team_id"),
        sa.PrimaryKeyConstraint("id", name="pk_customers_company"),
    )
    op.create_index("ix_customers_company_city_id", "customers_company", ["city", "id"], **ALIVE)
    op.create_index("ix_customers_company_name_id", "customers_company", ["name", "id"], **ALIVE)
    op.create_index("ix_customers_company_owner_id_city_id", "customers_company", ["owner_id", "city", "id"], **ALIVE)
    op.create_index("ix_customers_company_owner_id_id", "customers_company", ["owner_id", "id"], **ALIVE)
    op.create_index("ix_customers_company_owner_id_name_id", "customers_company", ["owner_id", "name", "id"], **ALIVE)
    op.create_index(
        "ix_customers_company_owner_id_sector_id", "customers_company", ["owner_id", "sector", "id"], **ALIVE
    )
    op.create_index("ix_customers_company_parent_id_id", "customers_company", ["parent_id", "id"], **ALIVE)
    op.create_index("ix_customers_company_sector_id", "customers_company", ["sector", "id"], **ALIVE)
    op.create_index("ix_customers_company_team_id_city_id", "customers_company", ["team_id", "city", "id"], **ALIVE)
    op.create_index("ix_customers_company_team_id_id", "customers_company", ["team_id", "id"], **ALIVE)
    op.create_index("ix_customers_company_team_id_name_id", "customers_company", ["team_id", "name", "id"], **ALIVE)
    op.create_index("ix_customers_company_team_id_sector_id", "customers_company", ["team_id", "sector", "id"], **ALIVE)
    op.create_index("uq_customers_company_number", "customers_company", ["number"], unique=True, **ALIVE)
    op.create_table(
        "customers_interaction",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("owner_id", ID, nullable=True),
        sa.Column("team_id", ID, nullable=True),
        sa.Column("kind", text(64), nullable=False),
        sa.Column("direction", text(64), nullable=True),
        sa.Column("subject", text(300), nullable=False),
        sa.Column("body", LONG_TEXT, nullable=True),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("minutes", sa.BigInteger(), nullable=True),
        sa.Column("regarding_entity", text(80), nullable=True),
        sa.Column("regarding_id", ID, nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["core_user.id"], name="fk_customers_interaction_owner_id"),
        sa.ForeignKeyConstraint(["team_id"], ["core_team.id"], name="fk_customers_interaction_team_id"),
        sa.PrimaryKeyConstraint("id", name="pk_customers_interaction"),
    )
    op.create_index("ix_customers_interaction_owner_id_id", "customers_interaction", ["owner_id", "id"], **ALIVE)
    op.create_index(
        "ix_customers_interaction_owner_id_started_at_id",
        "customers_interaction",
        ["owner_id", "started_at", "id"],
        **ALIVE,
    )
    op.create_index(
        "ix_customers_interaction_regarding_id_id", "customers_interaction", ["regarding_id", "id"], **ALIVE
    )
    op.create_index("ix_customers_interaction_started_at_id", "customers_interaction", ["started_at", "id"], **ALIVE)
    op.create_index("ix_customers_interaction_team_id_id", "customers_interaction", ["team_id", "id"], **ALIVE)
    op.create_index(
        "ix_customers_interaction_team_id_started_at_id",
        "customers_interaction",
        ["team_id", "started_at", "id"],
        **ALIVE,
    )
    op.create_table(
        "customers_contact",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("owner_id", ID, nullable=True),
        sa.Column("team_id", ID, nullable=True),
        sa.Column("number", text(40), nullable=True),
        sa.Column("name", text(200), nullable=False),
        sa.Column("given_name", text(100), nullable=True),
        sa.Column("family_name", text(100), nullable=True),
        sa.Column("company_id", ID, nullable=True),
        sa.Column("job_title", text(150), nullable=True),
        sa.Column("department", text(150), nullable=True),
        sa.Column("email", text(254), nullable=True),
        sa.Column("phone", text(40), nullable=True),
        sa.Column("mobile", text(40), nullable=True),
        sa.Column("street", text(200), nullable=True),
        sa.Column("postal_code", text(20), nullable=True),
        sa.Column("city", text(100), nullable=True),
        sa.Column("country", text(100), nullable=True),
        sa.Column("language", text(16), nullable=True),
        sa.Column("description", LONG_TEXT, nullable=True),
        sa.ForeignKeyConstraint(["company_id"], ["customers_company.id"], name="fk_customers_contact_company_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["core_user.id"], name="fk_customers_contact_owner_id"),
        sa.ForeignKeyConstraint(["team_id"], ["core_team.id"], name="fk_customers_contact_team_id"),
        sa.PrimaryKeyConstraint("id", name="pk_customers_contact"),
    )
    op.create_index("ix_customers_contact_company_id_id", "customers_contact", ["company_id", "id"], **ALIVE)
    op.create_index("ix_customers_contact_email_id", "customers_contact", ["email", "id"], **ALIVE)
    op.create_index("ix_customers_contact_name_id", "customers_contact", ["name", "id"], **ALIVE)
    op.create_index("ix_customers_contact_owner_id_email_id", "customers_contact", ["owner_id", "email", "id"], **ALIVE)
    op.create_index("ix_customers_contact_owner_id_id", "customers_contact", ["owner_id", "id"], **ALIVE)
    op.create_index("ix_customers_contact_owner_id_name_id", "customers_contact", ["owner_id", "name", "id"], **ALIVE)
    op.create_index("ix_customers_contact_owner_id_phone_id", "customers_contact", ["owner_id", "phone", "id"], **ALIVE)
    op.create_index("ix_customers_contact_phone_id", "customers_contact", ["phone", "id"], **ALIVE)
    op.create_index("ix_customers_contact_team_id_email_id", "customers_contact", ["team_id", "email", "id"], **ALIVE)
    op.create_index("ix_customers_contact_team_id_id", "customers_contact", ["team_id", "id"], **ALIVE)
    op.create_index("ix_customers_contact_team_id_name_id", "customers_contact", ["team_id", "name", "id"], **ALIVE)
    op.create_index("ix_customers_contact_team_id_phone_id", "customers_contact", ["team_id", "phone", "id"], **ALIVE)
    op.create_index("uq_customers_contact_number", "customers_contact", ["number"], unique=True, **ALIVE)
    op.create_table(
        "customers_participant",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("interaction_id", ID, nullable=False),
        sa.Column("contact_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["customers_contact.id"], name="fk_customers_participant_contact_id"),
        sa.ForeignKeyConstraint(
            ["interaction_id"], ["customers_interaction.id"], name="fk_customers_participant_interaction_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_customers_participant"),
    )
    op.create_index("ix_customers_participant_contact_id_id", "customers_participant", ["contact_id", "id"], **ALIVE)
    op.create_index(
        "ix_customers_participant_interaction_id_id", "customers_participant", ["interaction_id", "id"], **ALIVE
    )
    op.create_index(
        "uq_customers_participant_interaction_id_contact_id",
        "customers_participant",
        ["interaction_id", "contact_id"],
        unique=True,
        **ALIVE,
    )


def downgrade() -> None:
    op.drop_table("customers_participant")
    op.drop_table("customers_contact")
    op.drop_table("customers_interaction")
    op.drop_table("customers_company")
