"""Giving a second factor, and setting one up: also for whoever can do nothing else yet."""

from __future__ import annotations

from crmkit import auth
from crmkit.auth.recovery_codes import new_recovery_codes
from crmkit.core.text import gettext as _
from crmkit.rest.calls import Call
from crmkit.rest.replies import Reply, json_reply
from crmkit.rest.sign_in.forms import Code, RecoveryCodes, Session, Totp
from crmkit.rest.sign_in.shapes import held, session_reply, sign_in_door

__all__ = ["DOORS"]


def use_totp(call: Call) -> Reply:
    """Take a one-time code as the second factor."""
    return session_reply(call, auth.use_totp(call.crm, held(call), call.read(Code).code))


def use_recovery_code(call: Call) -> Reply:
    """Take a recovery code in place of a second factor."""
    return session_reply(call, auth.use_recovery_code(call.crm, held(call), call.read(Code).code))


def begin_totp(call: Call) -> Reply:
    """Begin to set up an authenticator."""
    made = auth.begin_totp(call.crm, held(call))
    return json_reply(Totp(made["secret"], made["uri"]), headers={"cache-control": "no-store"})


def confirm_totp(call: Call) -> Reply:
    """Have the authenticator that was begun count, as it shows a code."""
    secret, codes = auth.confirm_totp(call.crm, held(call), call.read(Code).code)
    return session_reply(call, secret, codes)


def remove_totp(call: Call) -> Reply:
    """Remove the authenticator."""
    auth.remove_totp(call.crm, held(call))
    return Reply(204)


def make_recovery_codes(call: Call) -> Reply:
    """Make new recovery codes in place of all earlier ones."""
    with call.crm.opened.writing() as connection:
        codes = new_recovery_codes(connection, call.crm.schema, held(call).user_id)
    return json_reply(RecoveryCodes(codes), headers={"cache-control": "no-store"})


DOORS = (
    sign_in_door(
        "use_totp",
        "POST",
        "/totp/use",
        "begun",
        use_totp,
        summary=_("Give a one-time code"),
        body=Code,
        answers={200: Session},
    ),
    sign_in_door(
        "use_recovery_code",
        "POST",
        "/recovery-codes/use",
        "begun",
        use_recovery_code,
        summary=_("Give a recovery code"),
        body=Code,
        answers={200: Session},
    ),
    sign_in_door(
        "begin_totp",
        "POST",
        "/totp",
        "begun",
        begin_totp,
        summary=_("Begin to set up an authenticator"),
        answers={200: Totp},
    ),
    sign_in_door(
        "confirm_totp",
        "POST",
        "/totp/confirm",
        "begun",
        confirm_totp,
        summary=_("Have an authenticator count"),
        body=Code,
        answers={200: Session},
    ),
    sign_in_door(
        "remove_totp",
        "DELETE",
        "/totp",
        "session",
        remove_totp,
        summary=_("Remove the authenticator"),
        answers={204: None},
    ),
    sign_in_door(
        "make_recovery_codes",
        "POST",
        "/recovery-codes",
        "session",
        make_recovery_codes,
        summary=_("Make new recovery codes"),
        answers={200: RecoveryCodes},
    ),
)
