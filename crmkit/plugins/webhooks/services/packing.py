"""Packing what is to be sent: each message made, as its user may know it now, and signed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import attrs

from crmkit import Company, Reader, sign_webhook

from ..entities import Delivery, Endpoint
from .client import Answer
from .outcomes import Outcome
from .rendering import CONTENT_TYPE, Body, render
from .secrets import secrets_of

__all__ = ["Due", "Packed", "Parcel", "pack"]

_AGENT = "crmkit-webhooks"
#: What is to be sent to one endpoint.
Due = tuple[Endpoint, list[Delivery]]


@attrs.frozen
class Parcel:
    """A message that is ready to be sent to *url*."""

    delivery: Delivery
    url: str
    headers: dict[str, str]
    content: bytes


@attrs.define
class Packed:
    """What is ready to be sent, what came of messages that are not sent, and the endpoints whose user is gone."""

    parcels: list[Parcel] = attrs.field(factory=list)
    outcomes: list[Outcome] = attrs.field(factory=list)
    gone: list[Endpoint] = attrs.field(factory=list)


def pack(db: Reader, due: Sequence[Due], company: Company) -> Packed:
    """Return what becomes of *due*. Whoever reads for a user reads for all endpoints that act as this user."""
    by_user: dict[UUID, list[Due]] = {}
    packed = Packed()
    for endpoint, deliveries in due:
        if endpoint.acts_as_id is None:
            packed.gone.append(endpoint)
        else:
            by_user.setdefault(endpoint.acts_as_id, []).append((endpoint, deliveries))
    for user, theirs in db.readers_of(list(by_user)):
        for endpoint, deliveries in by_user.pop(user):
            for body in _bodies(theirs, deliveries, company, packed):
                _put(packed, endpoint, body, theirs.moment.now)
    packed.gone += [endpoint for several in by_user.values() for endpoint, _deliveries in several]
    return packed


def _put(packed: Packed, endpoint: Endpoint, body: Body, now: datetime) -> None:
    if body.content is None:
        packed.outcomes.append(Outcome(body.delivery, now))
        return
    signed = sign_webhook(str(body.delivery.id), now, body.content, secrets_of(endpoint, now))
    headers = {"Content-Type": CONTENT_TYPE, "User-Agent": _AGENT, **signed}
    packed.parcels.append(Parcel(body.delivery, endpoint.url, headers, body.content))


def _bodies(theirs: Reader, due: list[Delivery], company: Company, packed: Packed) -> list[Body]:
    try:
        return render(theirs, due, company)
    except Exception as error:
        if len(due) > 1:
            # One of them cannot be told; the others are none the worse for it.
            return [body for each in due for body in _bodies(theirs, [each], company, packed)]
        failed = Answer(error=f"{type(error).__name__}: {error}"[:500])
        packed.outcomes.append(Outcome(due[0], theirs.moment.now, failed, was_sent=False))
        return []
