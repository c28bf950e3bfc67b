"""Signatures of webhooks as Standard Webhooks has them (https://www.standardwebhooks.com), with symmetric keys.

A secret is ``whsec_`` and a key of 24 to 64 bytes in Base64. What is signed is the id of the message, the moment in
whole seconds since 1970 and the body, with dots between, by HMAC-SHA256. While a secret is changed, a message carries
the signatures of both.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
from collections.abc import Iterable
from datetime import datetime

from crmkit.core.signing.errors import SecretError

__all__ = ["new_secret", "sign_webhook", "signing_key", "webhook_signature"]

_PREFIX = "whsec_"
_NEW, _LEAST, _MOST = 32, 24, 64


def new_secret() -> str:
    """Return a secret that nobody has."""
    return f"{_PREFIX}{base64.b64encode(os.urandom(_NEW)).decode()}"


def signing_key(secret: str) -> bytes:
    """Return the key that *secret* is.

    Raises:
        SecretError: it is none; it is not repeated.
    """
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not (secret.startswith(_PREFIX) and _LEAST <= len(key) <= _MOST):
        raise SecretError
    return key


def webhook_signature(key: bytes, id_: str, seconds: int | str, body: bytes) -> bytes:
    """Return the signature by *key* of the message *id_* that was sent at that second."""
    return hmac.digest(key, f"{id_}.{seconds}.".encode() + body, "sha256")


def sign_webhook(id_: str, at: datetime, body: bytes, secrets: Iterable[str]) -> dict[str, str]:
    """Return the headers with which the message *id_* is sent *at* that moment: a signature by each of *secrets*.

    Raises:
        SecretError: one of them is none.
    """
    seconds = int(at.timestamp())
    signatures = [webhook_signature(signing_key(secret), id_, seconds, body) for secret in secrets]
    signed = " ".join(f"v1,{base64.b64encode(signature).decode()}" for signature in signatures)
    return {"webhook-id": id_, "webhook-timestamp": str(seconds), "webhook-signature": signed}
