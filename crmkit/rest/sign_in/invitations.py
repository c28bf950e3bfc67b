"""Links with which somebody sets a password, once: made by administrators, under the configured origin."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import attrs

from crmkit import auth
from crmkit.core.text import gettext as _
from crmkit.core.writing.writer import Writer
from crmkit.rest.calls import Call
from crmkit.rest.doors import Door
from crmkit.rest.replies import Reply, encoded, json_reply
from crmkit.rest.sign_in.forms import Link
from crmkit.rest.sign_in.page import password_page
from crmkit.rest.sign_in.shapes import id_in, sign_in_door

__all__ = ["DOORS"]


def invite(call: Call) -> Reply:
    """Make a link with which somebody sets a password; it works once, for three days."""
    return _made(call, auth.invite)


def reset_password(call: Call) -> Reply:
    """Forget somebody's password, end their sessions and tokens, and make a link with which they set another."""
    return _made(call, auth.reset_password)


def _made(call: Call, make: Callable[[Writer, UUID], auth.Invitation]) -> Reply:
    """Return the link that *make* makes; it is told this once, and not when the request is sent again."""
    user = id_in(call, "core.user")

    def work(db: Writer) -> Reply:
        made = make(db, user)
        told = Link(made.expires_at, made.link(call.crm.config))
        reply = json_reply(told, 201, {"cache-control": "no-store"})
        return attrs.evolve(reply, kept=encoded(Link(made.expires_at)))

    return call.write(work)


DOORS = (
    sign_in_door(
        "invite",
        "POST",
        "/users/{record:str}/invitation",
        "session",
        invite,
        summary=_("Make a link with which a user sets a password"),
        answers={201: Link},
        is_kept=True,
    ),
    sign_in_door(
        "reset_password",
        "POST",
        "/users/{record:str}/password-reset",
        "session",
        reset_password,
        summary=_("Forget the password of a user, end their sessions and tokens, and make a link for another one"),
        answers={201: Link},
        is_kept=True,
    ),
    # A page for people, of which the OpenAPI document says nothing.
    Door(
        name="sign-in.page", method="GET", path=auth.PASSWORD_PAGE, policy="public", csrf="safe", handler=password_page
    ),
)
