"""What is secret of signing in, as digests where that is enough: no door reads these tables."""

from __future__ import annotations

import sqlalchemy as sa

from crmkit.core.storage.columns import Id, JsonText, Moment
from crmkit.core.storage.system_tables.making import system_table, text

__all__ = [
    "passkey_key",
    "password",
    "recovery_code",
    "session_secret",
    "sign_in_wait",
    "ticket",
    "token_secret",
    "totp",
]


def token_secret(metadata: sa.MetaData) -> sa.Table:
    """By which SHA-256 *digest*, in hexadecimal, the token *token_id* is known, and when it was used last."""
    return system_table(
        metadata,
        "core_token_secret",
        sa.Column("token_id", Id(), primary_key=True),
        sa.Column("digest", text(64), nullable=False),
        sa.Column("used_at", Moment()),
        sa.Index("uq_core_token_secret_digest", "digest", unique=True),
    )


def session_secret(metadata: sa.MetaData) -> sa.Table:
    """By which *digest* the session *session_id* is known now, and when it was used last."""
    return system_table(
        metadata,
        "core_session_secret",
        sa.Column("session_id", Id(), primary_key=True),
        sa.Column("digest", text(64), nullable=False),
        sa.Column("used_at", Moment(), nullable=False),
        sa.Index("uq_core_session_secret_digest", "digest", unique=True),
    )


def password(metadata: sa.MetaData) -> sa.Table:
    """What proves the password of a user: Argon2id with its parameters and salt, in the PHC string format."""
    return system_table(
        metadata,
        "core_password",
        sa.Column("user_id", Id(), primary_key=True),
        sa.Column("hash", text(300), nullable=False),
        sa.Column("set_at", Moment(), nullable=False),
    )


def ticket(metadata: sa.MetaData) -> sa.Table:
    """What lets somebody do one thing once: its row goes when it is used. *details* are what the thing needs."""
    return system_table(
        metadata,
        "core_ticket",
        sa.Column("digest", text(64), primary_key=True),
        sa.Column("purpose", text(40), nullable=False),
        sa.Column("user_id", Id()),
        sa.Column("details", JsonText(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Index("ix_core_ticket_user_id_purpose", "user_id", "purpose"),
        sa.Index("ix_core_ticket_expires_at", "expires_at"),
    )


def totp(metadata: sa.MetaData) -> sa.Table:
    """The secret that an authenticator of a user shares, sealed where there are keys; *last_step* was used last.

    Until it is confirmed by a first code it counts for nothing.
    """
    return system_table(
        metadata,
        "core_totp",
        sa.Column("user_id", Id(), primary_key=True),
        sa.Column("secret", text(300), nullable=False),
        sa.Column("confirmed_at", Moment()),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
    )


def recovery_code(metadata: sa.MetaData) -> sa.Table:
    """The *digest* of a code that stands in for a second factor once; its row goes when it is used."""
    return system_table(
        metadata,
        "core_recovery_code",
        sa.Column("user_id", Id(), primary_key=True),
        sa.Column("digest", text(64), primary_key=True),
    )


def passkey_key(metadata: sa.MetaData) -> sa.Table:
    """The public key of a passkey under its device's id for it, both in base64url, and how often it has signed."""
    return system_table(
        metadata,
        "core_passkey_key",
        sa.Column("passkey_id", Id(), primary_key=True),
        sa.Column("credential", text(1400), nullable=False),
        sa.Column("public_key", text(2000), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("used_at", Moment()),
        sa.Index("uq_core_passkey_key_credential", "credential", unique=True),
    )


def sign_in_wait(metadata: sa.MetaData) -> sa.Table:
    """How often signing in failed under a *key*, an account or an address as a digest, and until when it waits."""
    return system_table(
        metadata,
        "core_sign_in_wait",
        sa.Column("key", text(80), primary_key=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", Moment(), nullable=False),
        sa.Column("until", Moment(), nullable=False),
        sa.Index("ix_core_sign_in_wait_failed_at", "failed_at"),
    )
