"""Answers, as the handlers of doors give them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType
from typing import Any

import attrs
import msgspec

__all__ = ["JSON", "PROBLEM", "Reply", "encoded", "json_reply"]

JSON = "application/json"
PROBLEM = "application/problem+json"

_encoder = msgspec.json.Encoder(decimal_format="string", uuid_format="canonical")
#: Returns a value of JSON, with ids and times, as bytes.
encoded = _encoder.encode


@attrs.frozen
class Reply:
    """One answer. A *body* that comes in pieces is sent as they come, until the client goes away.

    What is *kept* for a request that is sent again is the body, or else this: a body without what is told but once.
    """

    status: int = 200
    body: bytes | AsyncIterator[bytes] = b""
    media_type: str = JSON
    headers: Mapping[str, str] = attrs.field(factory=dict)
    kept: bytes | None = None

    def beside(self, headers: Mapping[str, str]) -> Reply:
        """Return the answer with further *headers*."""
        return attrs.evolve(self, headers={**self.headers, **headers}) if headers else self


def json_reply(value: Any, status: int = 200, headers: Mapping[str, str] = MappingProxyType({})) -> Reply:
    """Return *value* as JSON."""
    return Reply(status, encoded(value), JSON, headers)
