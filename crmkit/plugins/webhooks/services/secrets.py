"""Secrets of webhooks, of those that leave and of those that come in: made and changed, with an overlap."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TypeVar

from crmkit import SecretError, Write, WriteContext, Writer, new_secret, signing_key

from ..entities import Endpoint, Source

__all__ = ["OVERLAP", "complete_secret", "no_secrets", "rotate_secret", "secrets_of"]

T = TypeVar("T", Endpoint, Source)
#: How long the secret before counts as well, unless somebody says otherwise.
OVERLAP = timedelta(hours=24)
_SECRETS = ("secret", "old_secret")


def complete_secret(context: WriteContext, write: Write) -> None:
    """Give what *write* is about a secret where it has none; let one that is changed count for a day more."""
    if write.get("secret") is None:
        write.set("secret", new_secret())
    if write.kind == "update" and write.changes("secret") and not write.changes("old_secret"):
        write.set("old_secret", write.stored.get("secret"))
        if not write.changes("old_secret_ends_at"):
            write.set("old_secret_ends_at", context.now + OVERLAP)


def no_secrets(write: Write) -> Iterator[tuple[str, str]]:
    """Yield the fields whose values are no secrets of Standard Webhooks, each with what is wrong."""
    for name in _SECRETS:
        try:
            if write.get(name) is not None:
                signing_key(write.get(name))
        except SecretError as error:
            yield name, str(error)


def secrets_of(one: Endpoint | Source, now: datetime) -> list[str]:
    """Return the secrets that count *now*, the newest first."""
    is_still = one.old_secret is not None and (one.old_secret_ends_at is None or one.old_secret_ends_at > now)
    return [str(one.secret), *([str(one.old_secret)] if is_still else [])]


def rotate_secret(db: Writer, one: T, *, overlap: timedelta = OVERLAP) -> T:
    """Give *one* a new secret and return it; the old one counts as well while *overlap* lasts.

    Raises:
        ForbiddenError, NotFoundError, StaleError: as for every change of a record.
    """
    return db.update(one, {"secret": new_secret(), "old_secret": one.secret, "old_secret_ends_at": db.now + overlap})
