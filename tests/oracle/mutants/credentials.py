"""Faults in who sees sessions and tokens, and ends them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crmkit import auth
from crmkit.auth import ending, known_by, sessions, tokens
from crmkit.core.errors import ForbiddenError, NotFoundError
from crmkit.core.signing_in.entities import Token
from crmkit.core.writing import life
from crmkit.rest.replies import Reply
from tests.oracle.mutants.rest import handled, trusting
from tests.oracle.mutants.rest_two_worlds import with_header
from tests.oracle.mutants.seeding import mutant


@mutant("http_sessions")
def sessions_are_those_of_everybody():
    yield trusting("sign-in.list_sessions")


@mutant("http_sessions")
def sessions_that_nobody_uses_are_listed():
    original = auth.open_sessions
    yield auth, "open_sessions", lambda db, *, idle_minutes: original(db, idle_minutes=100_000)


@mutant("http_sessions", steps=["change_user"] * 6)
def sessions_outlive_an_account_that_is_switched_off():
    yield life, "credentials_that_end", lambda writer, writes: []


@mutant("http_tokens")
def tokens_are_those_of_everybody():
    yield trusting("sign-in.list_tokens")


@mutant("http_tokens")
def tokens_that_have_ended_are_listed():
    yield auth, "open_tokens", lambda db: known_by.known_by(db, Token, "expires_at > now()", order_by="-created_at")


@mutant("http_tokens")
def tokens_that_have_expired_are_listed():
    yield auth, "open_tokens", lambda db: known_by.known_by(db, Token, "ended_at == null", order_by="-created_at")


@mutant("http_tokens", two_worlds=True)
def tokens_over_http_say_how_many_there_are():
    yield handled("sign-in.list_tokens", with_header("x-total", lambda db: db.trusted.count(Token)))


def _ending(**lax: Any) -> Iterator[tuple[Any, str, Any]]:
    """Yield replacements of what ends a session or a token, with a writer that is *lax*."""
    original = ending.end

    def end(db, kind, id):
        vars(db).update({name: make(db) for name, make in lax.items()})
        try:
            original(db, kind, id)
        finally:
            for name in lax:
                delattr(db, name)

    yield sessions, "end", end
    yield tokens, "end", end


def _everything(_db: Any) -> Any:
    return lambda info, verb, ids: set(ids)


@mutant("http_endings")
def whatever_there_is_can_be_ended():
    yield from _ending(get=lambda db: db.trusted.get, allowed_ids=_everything)


@mutant("http_endings")
def whoever_sees_a_session_or_a_token_ends_it():
    yield from _ending(allowed_ids=_everything)


@mutant("http_endings")
def token_that_is_not_seen_is_forbidden():
    def change(handler):
        def changed(call):
            try:
                return handler(call)
            except NotFoundError:
                raise ForbiddenError("core.token", "update") from None

        return changed

    yield handled("sign-in.end_token", change)


@mutant("http_endings")
def session_is_said_to_have_ended():
    yield handled("sign-in.end_session", lambda handler: lambda call: call.write(lambda db: Reply(204)))
