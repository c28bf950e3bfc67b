"""Secrets that machines keep: random, and known to the database by their digest alone."""

from __future__ import annotations

import secrets
from hashlib import sha256

__all__ = ["digest_of", "new_secret"]

_BYTES = 32


def new_secret() -> str:
    """Return 256 random bits in base64url."""
    return secrets.token_urlsafe(_BYTES)


def digest_of(text: str) -> str:
    """Return what is kept of *text*: as there are enough random bits in it, no slow hash is needed."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
