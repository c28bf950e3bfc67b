"""Whether a message comes from who has the secret, was sent just now, and which one it is."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from crmkit.core.inbound.declaring import HmacSignature, StandardSignature
from crmkit.core.inbound.errors import SignatureError
from crmkit.core.signing.errors import SecretError
from crmkit.core.signing.standard import signing_key, webhook_signature

__all__ = ["TOLERANCE", "verify"]

#: So many seconds the clocks of sender and receiver may differ, and a message may be under way.
TOLERANCE = 300
_LONGEST_ID = 256
_MOST_SIGNATURES = 10


def verify(
    signed: StandardSignature | HmacSignature,
    secrets: Iterable[str],
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
) -> str:
    """Return the id of the message whose *headers*, with names in lower case, sign *body* by one of *secrets*.

    Raises:
        SignatureError: they do not, or were made too long ago or for later.
    """
    if isinstance(signed, StandardSignature):
        return _standard(secrets, headers, body, now)
    return _hmac(signed, secrets, headers, body, now)


def _standard(secrets: Iterable[str], headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    id_ = headers.get("webhook-id", "")
    seconds = _timely(headers.get("webhook-timestamp", ""), now)
    given = headers.get("webhook-signature", "").split(" ")[:_MOST_SIGNATURES]
    signatures = [each.removeprefix("v1,") for each in given if each.startswith("v1,")]
    proofs = [proof for each in signatures if (proof := _from_base64(each)) is not None]
    if not 0 < len(id_) <= _LONGEST_ID:
        raise SignatureError
    _prove(proofs, (webhook_signature(key, id_, seconds, body) for key in _keys(secrets)))
    return id_


def _keys(secrets: Iterable[str]) -> Iterator[bytes]:
    for secret in secrets:
        try:
            yield signing_key(secret)
        except SecretError:
            continue


def _hmac(signed: HmacSignature, secrets: Iterable[str], headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    content = body
    if signed.time_header is not None:
        content = f"{_timely(headers.get(signed.time_header, ''), now)}.".encode() + body
    given = headers.get(signed.header, "")
    if not given.startswith(signed.prefix):
        raise SignatureError
    proof = (_from_hex if signed.encoding == "hex" else _from_base64)(given.removeprefix(signed.prefix))
    _prove(
        [] if proof is None else [proof],
        (hmac.digest(secret.encode(), content, signed.algorithm) for secret in secrets),
    )
    id_ = headers.get(signed.id_header, "") if signed.id_header else hashlib.sha256(content).hexdigest()
    if not 0 < len(id_) <= _LONGEST_ID:
        raise SignatureError
    return id_


def _timely(seconds: str, now: datetime) -> str:
    if not (seconds.isascii() and seconds.isdecimal() and len(seconds) <= 12):
        raise SignatureError
    if abs(int(seconds) - now.timestamp()) > TOLERANCE:
        raise SignatureError
    return seconds


def _prove(given: Iterable[bytes], expected: Iterable[bytes]) -> None:
    """Return if one of *given* is one of *expected*, which are compared in constant time.

    Raises:
        SignatureError: none is.
    """
    proofs = list(given)
    # All are compared, so that it tells nothing which of them fits.
    if not sum(hmac.compare_digest(proof, right) for right in expected for proof in proofs):
        raise SignatureError


def _from_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _from_hex(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None
