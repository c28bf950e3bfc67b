"""Who sends a request: the one place that knows how somebody shows it."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

import attrs

from crmkit.auth import Holder, NotSignedInError, find_session, holder_of_token
from crmkit.auth.second_factor import check_second_factor
from crmkit.auth.sessions import Open
from crmkit.core.policy.principal import Principal
from crmkit.rest.cookies import SESSION, cookie_of
from crmkit.rest.errors import SiteError

if TYPE_CHECKING:
    from crmkit.rest.calls import Call

__all__ = ["Identity", "check_identity", "identify"]

_BEARER = "bearer "


@attrs.frozen
class Identity:
    """Who sends a request: the *holder* of a token, or whose *session* was shown."""

    principal: Principal
    session: Open | None = None
    holder: Holder | None = None


def identify(call: Call) -> Identity:
    """Return who sends *call*, by its API token, or else by the session of its cookie.

    Raises:
        NotSignedInError: it shows neither, or one that proves nothing.
        SecondFactorNeededError: the session lacks a second factor, and the door is not for giving one.
    """
    shown, secret = call.headers.get("authorization"), cookie_of(call, SESSION)
    if shown is not None:
        if shown[: len(_BEARER)].lower() != _BEARER:
            raise NotSignedInError
        holder = holder_of_token(call.crm, shown[len(_BEARER) :].strip())
        return Identity(holder.principal, holder=holder)
    if secret is None:
        raise NotSignedInError
    session = find_session(call.crm, secret, uses=call.is_use)
    if call.door.policy != "begun":
        check_second_factor(call.crm, session)
    return Identity(session.principal, session)


def check_identity(call: Call, identity: Identity) -> None:
    """Return if *identity* may knock at the door of *call* in this way.

    Raises:
        NotSignedInError: the door is for sessions, and no session was shown.
        SiteError: a session asks for a change without its secret.
    """
    session = identity.session
    if call.door.policy in ("begun", "session") and session is None:
        raise NotSignedInError
    if call.door.csrf == "checked" and session is not None:
        sent = call.headers.get("x-csrf-token", "")
        if not hmac.compare_digest(sent.encode(), session.csrf_token.encode()):
            raise SiteError
