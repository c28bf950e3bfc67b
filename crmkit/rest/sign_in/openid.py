"""Signing in with a provider of OpenID Connect: a browser is sent there, and comes back."""

from __future__ import annotations

from crmkit import auth
from crmkit.auth.provider import Provider
from crmkit.core.text import gettext as _
from crmkit.rest.calls import Call
from crmkit.rest.cookies import FLOW, SESSION, cookie_of, set_cookie
from crmkit.rest.errors import NothingHereError
from crmkit.rest.replies import Reply
from crmkit.rest.sign_in.clients import client_of
from crmkit.rest.sign_in.shapes import sign_in_door

__all__ = ["CALLBACK", "DOORS"]

#: Where the provider sends browsers back to, below the origin of the server: it has to know this address.
CALLBACK = "/api/v1/sign-in/openid/callback"
_SECONDS = 600


def begin(call: Call) -> Reply:
    """Send a browser to the provider."""
    asked = dict(call.arguments).get("next")
    begun = auth.begin_openid(call.crm, _provider(call), call.crm.config.server.origin + CALLBACK, asked)
    flow = set_cookie(call.crm.config, FLOW, begun.secret, seconds=_SECONDS)
    return Reply(303, headers={"location": begun.url, "cache-control": "no-store", **flow})


def finish(call: Call) -> Reply:
    """Take a browser back from the provider, and sign in whom that vouches for."""
    back, flow = call.crm.config.server.origin + CALLBACK, cookie_of(call, FLOW) or ""
    answer = dict(call.arguments)
    secret, page = auth.sign_in_with_openid(call.crm, _provider(call), back, answer, flow, client_of(call))
    cookie = set_cookie(call.crm.config, SESSION, secret)
    return Reply(303, headers={"location": page, "cache-control": "no-store", **cookie})


def _provider(call: Call) -> Provider:
    openid = call.crm.config.openid
    if not openid.issuer or not openid.client_id:
        raise NothingHereError
    return auth.provider_of(call.crm)


DOORS = (
    sign_in_door(
        "openid", "GET", "/openid", "public", begin, summary=_("Go to the provider to sign in"), answers={303: None}
    ),
    sign_in_door(
        "openid_callback",
        "GET",
        "/openid/callback",
        "public",
        finish,
        summary=_("Come back from the provider"),
        answers={303: None},
    ),
)
