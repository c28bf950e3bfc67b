"""Signing in with a password, and having another one."""

from __future__ import annotations

from crmkit import auth
from crmkit.core.text import gettext as _
from crmkit.rest.calls import Call
from crmkit.rest.replies import Reply, json_reply
from crmkit.rest.sign_in.clients import client_of
from crmkit.rest.sign_in.forms import Invitation, Methods, NewPassword, Password, PasswordMethod, Session
from crmkit.rest.sign_in.shapes import held, session_reply, sign_in_door

__all__ = ["DOORS"]


def methods(call: Call) -> Reply:
    """Tell how one signs in here."""
    config = call.crm.config
    provider = config.openid.label if config.openid.issuer else None
    return json_reply(Methods(PasswordMethod(config.auth.password_length), True, provider))


def sign_in(call: Call) -> Reply:
    """Sign in with a password; the cookie of the answer is that of a new session."""
    given = call.read(Password)
    return session_reply(call, auth.sign_in(call.crm, given.login, given.password, client_of(call)))


def use_invitation(call: Call) -> Reply:
    """Set a password with a ticket that works once."""
    given = call.read(Invitation)
    auth.use_invitation(call.crm, given.ticket, given.password)
    return Reply(204)


def change_password(call: Call) -> Reply:
    """Give oneself another password; all other sessions end."""
    given, session = call.read(NewPassword), held(call)
    return session_reply(
        call, auth.change_password(call.crm, session, given.password, given.new_password, client_of(call))
    )


DOORS = (
    sign_in_door(
        "methods", "GET", "/methods", "public", methods, summary=_("How one signs in here"), answers={200: Methods}
    ),
    sign_in_door(
        "password",
        "POST",
        "",
        "public",
        sign_in,
        summary=_("Sign in with a password"),
        body=Password,
        answers={200: Session},
    ),
    sign_in_door(
        "use_invitation",
        "POST",
        "/invitation",
        "public",
        use_invitation,
        summary=_("Set a password through a link"),
        body=Invitation,
        answers={204: None},
    ),
    sign_in_door(
        "change_password",
        "POST",
        "/password",
        "session",
        change_password,
        summary=_("Give yourself another password"),
        body=NewPassword,
        answers={200: Session},
    ),
)
