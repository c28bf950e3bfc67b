"""Doors to what users are known by: one's own sessions and tokens, those of others only where a grant says so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from crmkit.core.signing_in.entities import SignInSession, Token
from tests.oracle.doors.registry import Probe, Questioner
from tests.oracle.doors.rest.lending import http_door
from tests.oracle.mirror import SESSION, TOKEN, Credential
from tests.oracle.terms import Denied

_IDLE = timedelta(minutes=60)
_COLLECTIONS = {SESSION: "sessions", TOKEN: "tokens"}


@http_door
def sessions(q: Questioner) -> Iterator[Probe]:
    yield Probe("sessions", lambda: _listed(q, SESSION), lambda db: db.credentials.sessions())


@http_door
def tokens(q: Questioner) -> Iterator[Probe]:
    yield Probe("tokens", lambda: _listed(q, TOKEN), lambda db: db.credentials.tokens())


def _listed(q: Questioner, kind: str) -> list[Any]:
    now = q.world.now()
    found = [
        (id, each.user, each.name, each.created_at, each.expires_at, each.used_at)
        for id, each in q.world.credentials.items()
        if each.kind == kind and _counts(each, now) and q.world.may_know(q.p, "read", each)
    ]
    return sorted(found, key=lambda each: (each[3], each[0]), reverse=True)


def _counts(each: Credential, now: Any) -> bool:
    is_idle = each.kind == SESSION and each.used_at <= now - _IDLE
    return not each.ended and each.expires_at > now and not is_idle


@http_door
def endings(q: Questioner) -> Iterator[Probe]:
    for _ in range(3):
        id = q.chance.one([*sorted(q.world.credentials), q.chance.new_id()])
        own = q.world.credentials[id].kind if id in q.world.credentials else SESSION
        kind = q.chance.one([own, own, own, SESSION, TOKEN])

        def want(id=id, kind=kind):
            each = q.world.credentials.get(id)
            if each is None or each.kind != kind or not q.world.may_know(q.p, "read", each):
                raise Denied("not-found")
            if not q.world.may_know(q.p, "update", each):
                raise Denied("forbidden")
            if each.ended:
                raise Denied("inapplicable-verb")
            return {other: other == id or c.ended for other, c in q.world.credentials.items()}

        def call(db, id=id, kind=kind):
            db.credentials.end(_COLLECTIONS[kind], id)
            return _ended(db.trusted)

        yield Probe(f"end {kind} {id}", want, call, told=lambda _ended: "ended", writes=True)


def _ended(trusted: Any) -> dict[UUID, bool]:
    found = [*trusted.find(SignInSession), *trusted.find(Token)]
    return {each.id: each.ended_at is not None for each in found}
