"""Who sends a request: the one place that knows how somebody shows it."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING
from uuid import UUID

import attrs

from crmkit.auth import NotSignedInError, principal_of_token
from crmkit.core.policy.principal import Principal
from crmkit.rest.errors import SiteError

if TYPE_CHECKING:
    from crmkit.rest.calls import Call

__all__ = ["Identity", "check_identity", "identify"]

_BEARER = "bearer "


@attrs.frozen
class Identity:
    """Who sends a request. *session* and *csrf_token* are those of a session, where one was shown and no token."""

    principal: Principal
    session: UUID | None = None
    csrf_token: str | None = attrs.field(default=None, repr=False)


def identify(call: Call) -> Identity:
    """Return who sends *call*, by its API token.

    Raises:
        NotSignedInError: it shows none, or one that proves nothing.
    """
    shown = call.headers.get("authorization", "")
    if shown[: len(_BEARER)].lower() != _BEARER:
        raise NotSignedInError
    return Identity(principal_of_token(call.crm, shown[len(_BEARER) :].strip()))


def check_identity(call: Call, identity: Identity) -> None:
    """Return if *identity* may knock at the door of *call* in this way.

    Raises:
        NotSignedInError: the door is for sessions, and no session was shown.
        SiteError: a session asks for a change without its secret.
    """
    if call.door.policy == "session" and identity.session is None:
        raise NotSignedInError
    if call.door.csrf == "checked" and identity.session is not None:
        sent = call.headers.get("x-csrf-token", "")
        if not identity.csrf_token or not hmac.compare_digest(sent.encode(), identity.csrf_token.encode()):
            raise SiteError
