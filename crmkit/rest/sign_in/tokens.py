"""API tokens: made by whoever has signed in, listed and ended."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from crmkit import auth
from crmkit.core.reading.reader import Reader
from crmkit.core.signing_in import entities
from crmkit.core.text import gettext as _
from crmkit.core.writing.writer import Writer
from crmkit.rest.calls import Call
from crmkit.rest.openapi.operations import Follows
from crmkit.rest.replies import Reply, encoded, json_reply
from crmkit.rest.sign_in.forms import NewToken, Token, Tokens
from crmkit.rest.sign_in.shapes import id_in, sign_in_door

__all__ = ["DOORS"]


def listed(call: Call) -> Reply:
    """List the tokens that have not ended: one's own, for administrators those of everybody."""
    with call.reading() as db:
        return json_reply(Tokens(_told(db, auth.open_tokens(db))))


def make(call: Call) -> Reply:
    """Make a token. Its text is told this once, and not when the request is sent again."""
    given = call.read(NewToken)

    def work(db: Writer) -> Reply:
        made = auth.make_token(db, given.name, scopes=given.scopes, expires_at=given.expires_at, user=given.user_id)
        (told,) = _told(db, [made.token])
        kept = encoded(told)
        told.token = made.text
        return attrs.evolve(json_reply(told, 201, {"cache-control": "no-store"}), kept=kept)

    return call.write(work)


def end(call: Call) -> Reply:
    """End a token."""
    token = id_in(call, "core.token")

    def work(db: Writer) -> Reply:
        auth.end_token(db, token)
        return Reply(204)

    return call.write(work)


def _told(db: Reader, tokens: Sequence[entities.Token]) -> list[Token]:
    used = auth.last_used(db, tokens)
    return [
        Token(
            id=token.id,
            user_id=token.user_id,
            name=token.name,
            prefix=token.prefix,
            scopes=token.scopes.split(),
            created_at=token.created_at,
            expires_at=token.expires_at,
            last_used_at=used.get(token.id),
        )
        for token in tokens
    ]


DOORS = (
    sign_in_door(
        "list_tokens", "GET", "/tokens", "principal", listed, summary=_("List API tokens"), answers={200: Tokens}
    ),
    sign_in_door(
        "make_token",
        "POST",
        "/tokens",
        "session",
        make,
        summary=_("Make an API token"),
        body=NewToken,
        answers={201: Token},
        is_kept=True,
    ),
    sign_in_door(
        "end_token",
        "DELETE",
        "/tokens/{record:str}",
        "principal",
        end,
        summary=_("End an API token"),
        answers={204: None},
        is_kept=True,
        follows=(
            Follows("sign-in.make_token", 201, {"record": "$response.body#/id"}),
            Follows("sign-in.list_tokens", 200, {"record": "$response.body#/items/0/id"}),
        ),
    ),
)
