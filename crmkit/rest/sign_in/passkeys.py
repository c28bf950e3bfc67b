"""The ceremonies of passkeys: making one, and signing in with one."""

from __future__ import annotations

from crmkit import auth
from crmkit.core.text import gettext as _
from crmkit.core.writing.writer import Writer
from crmkit.rest.calls import Call
from crmkit.rest.openapi.operations import Follows
from crmkit.rest.replies import Reply, json_reply
from crmkit.rest.sign_in.clients import client_of
from crmkit.rest.sign_in.forms import MadePasskey, NewPasskey, Passkeys, Session, Signed, Started
from crmkit.rest.sign_in.shapes import held, id_in, session_reply, sign_in_door

__all__ = ["DOORS"]


def begin_sign_in(call: Call) -> Reply:
    """Tell a browser what to sign with a passkey."""
    options, ticket = auth.begin_passkey_sign_in(call.crm, call.crm.config.server.origin)
    return json_reply(Started(dict(options), ticket))


def sign_in(call: Call) -> Reply:
    """Sign in with what a passkey has signed."""
    given, origin = call.read(Signed), call.crm.config.server.origin
    secret = auth.sign_in_with_passkey(call.crm, origin, given.ticket, given.credential, client_of(call))
    return session_reply(call, secret)


def use(call: Call) -> Reply:
    """Take a passkey as the second factor."""
    given, origin, session = call.read(Signed), call.crm.config.server.origin, held(call)
    secret = auth.sign_in_with_passkey(call.crm, origin, given.ticket, given.credential, client_of(call), session)
    return session_reply(call, secret)


def begin(call: Call) -> Reply:
    """Tell a browser how to make a passkey."""
    options, ticket = auth.begin_passkey(call.crm, held(call), call.crm.config.server.origin)
    return json_reply(Started(dict(options), ticket))


def finish(call: Call) -> Reply:
    """Keep the passkey that a browser has made."""
    given, origin = call.read(NewPasskey), call.crm.config.server.origin
    secret, _passkey, codes = auth.finish_passkey(
        call.crm, held(call), origin, given.ticket, given.credential, given.name
    )
    return session_reply(call, secret, codes)


def listed(call: Call) -> Reply:
    """List the passkeys that one sees."""
    with call.reading() as db:
        found = auth.open_passkeys(db)
    return json_reply(Passkeys([MadePasskey(p.id, p.user_id, p.name, p.created_at) for p in found]))


def remove(call: Call) -> Reply:
    """Remove a passkey."""
    passkey = id_in(call, "core.passkey")

    def work(db: Writer) -> Reply:
        auth.remove_passkey(db, passkey)
        return Reply(204)

    return call.write(work)


DOORS = (
    sign_in_door(
        "begin_passkey_sign_in",
        "POST",
        "/passkey/options",
        "public",
        begin_sign_in,
        summary=_("Begin to sign in with a passkey"),
        answers={200: Started},
    ),
    sign_in_door(
        "passkey",
        "POST",
        "/passkey",
        "public",
        sign_in,
        summary=_("Sign in with a passkey"),
        body=Signed,
        answers={200: Session},
    ),
    sign_in_door(
        "use_passkey",
        "POST",
        "/passkey/use",
        "begun",
        use,
        summary=_("Give a passkey as the second factor"),
        body=Signed,
        answers={200: Session},
    ),
    sign_in_door(
        "begin_passkey",
        "POST",
        "/passkeys/options",
        "begun",
        begin,
        summary=_("Begin to make a passkey"),
        answers={200: Started},
    ),
    sign_in_door(
        "finish_passkey",
        "POST",
        "/passkeys",
        "begun",
        finish,
        summary=_("Keep a passkey"),
        body=NewPasskey,
        answers={200: Session},
    ),
    sign_in_door(
        "list_passkeys", "GET", "/passkeys", "session", listed, summary=_("List passkeys"), answers={200: Passkeys}
    ),
    sign_in_door(
        "remove_passkey",
        "DELETE",
        "/passkeys/{record:str}",
        "session",
        remove,
        summary=_("Remove a passkey"),
        answers={204: None},
        is_kept=True,
        follows=(Follows("sign-in.list_passkeys", 200, {"record": "$response.body#/items/0/id"}),),
    ),
)
