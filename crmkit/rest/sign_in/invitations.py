"""Links with which somebody sets a password, once: made by administrators, under the configured origin."""

from __future__ import annotations

from crmkit import auth
from crmkit.core.text import gettext as _
from crmkit.rest.calls import Call
from crmkit.rest.doors import Door
from crmkit.rest.origins import origin_of
from crmkit.rest.replies import Reply, json_reply
from crmkit.rest.sign_in.forms import Link
from crmkit.rest.sign_in.page import PAGE, password_page
from crmkit.rest.sign_in.shapes import id_in, sign_in_door

__all__ = ["DOORS"]


def invite(call: Call) -> Reply:
    """Make a link with which somebody sets a password; it works once, for three days."""
    user = id_in(call, "core.user")
    with call.crm.write(call.principal, cause="rest", request_id=call.request_id) as db:
        ticket = auth.invite(db, user)
    # Behind the #, so that it reaches no log and no other site.
    link = f"{origin_of(call.crm.config)}{PAGE}#{ticket}"
    return json_reply(Link(link), 201, {"cache-control": "no-store"})


DOORS = (
    sign_in_door(
        "invite",
        "POST",
        "/users/{record:str}/invitation",
        "session",
        invite,
        summary=_("Make a link with which a user sets a password"),
        answers={201: Link},
    ),
    # A page for people, of which the OpenAPI document says nothing.
    Door(name="sign-in.page", method="GET", path=PAGE, policy="public", csrf="safe", handler=password_page),
)
