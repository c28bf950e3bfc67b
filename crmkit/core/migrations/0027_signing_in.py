"""Signing in."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "core_0027"
down_revision = "core_0026"
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
        "core_passkey_key",
        sa.Column("passkey_id", ID, nullable=False),
        sa.Column("credential", text(1400), nullable=False),
        sa.Column("public_key", text(2000), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("passkey_id", name="pk_core_passkey_key"),
    )
    op.create_index("uq_core_passkey_key_credential", "core_passkey_key", ["credential"], unique=True)
    op.create_table(
        "core_password",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("hash", text(300), nullable=False),
        sa.Column("set_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_core_password"),
    )
    op.create_table(
        "core_recovery_code",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("digest", text(64), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "digest", name="pk_core_recovery_code"),
    )
    op.create_table(
        "core_session_secret",
        sa.Column("session_id", ID, nullable=False),
        sa.Column("digest", text(64), nullable=False),
        sa.Column("used_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("session_id", name="pk_core_session_secret"),
    )
    op.create_index("uq_core_session_secret_digest", "core_session_secret", ["digest"], unique=True)
    op.create_table(
        "core_sign_in_wait",
        sa.Column("key", text(80), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", MOMENT, nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_core_sign_in_wait"),
    )
    op.create_index("ix_core_sign_in_wait_failed_at", "core_sign_in_wait", ["failed_at"])
    op.create_table(
        "core_ticket",
        sa.Column("digest", text(64), nullable=False),
        sa.Column("purpose", text(40), nullable=False),
        sa.Column("user_id", ID, nullable=True),
        sa.Column("details", JSON, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_core_ticket"),
    )
    op.create_index("ix_core_ticket_expires_at", "core_ticket", ["expires_at"])
    op.create_index("ix_core_ticket_user_id_purpose", "core_ticket", ["user_id", "purpose"])
    op.create_table(
        "core_totp",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("secret", text(300), nullable=False),
        sa.Column("confirmed_at", MOMENT, nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_core_totp"),
    )
    op.create_table(
        "core_identity",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("issuer", text(300), nullable=False),
        sa.Column("subject", text(255), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["core_user.id"], name="fk_core_identity_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_core_identity"),
    )
    op.create_index("ix_core_identity_user_id_id", "core_identity", ["user_id", "id"], **ALIVE)
    op.create_index("uq_core_identity_issuer_subject", "core_identity", ["issuer", "subject"], unique=True, **ALIVE)
    op.create_table(
        "core_passkey",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("name", text(200), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["core_user.id"], name="fk_core_passkey_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_core_passkey"),
    )
    op.create_index("ix_core_passkey_user_id_id", "core_passkey", ["user_id", "id"], **ALIVE)
    op.create_table(
        "core_session",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("custom", JSON, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("assurance", text(64), nullable=False),
        sa.Column("address", text(45), nullable=True),
        sa.Column("agent", text(300), nullable=True),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["core_user.id"], name="fk_core_session_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_core_session"),
    )
    op.create_index("ix_core_session_user_id_id", "core_session", ["user_id", "id"], **ALIVE)


def downgrade() -> None:
    op.drop_table("core_session")
    op.drop_table("core_passkey")
    op.drop_table("core_identity")
    op.drop_table("core_totp")
    op.drop_table("core_ticket")
    op.drop_table("core_sign_in_wait")
    op.drop_table("core_session_secret")
    op.drop_table("core_recovery_code")
    op.drop_table("core_password")
    op.drop_table("core_passkey_key")
