"""The session that one has, and all that one sees."""

from __future__ import annotations

from datetime import datetime

from crmkit import auth
from crmkit.core.entity import loaded_values
from crmkit.core.signing_in.entities import SignInSession
from crmkit.core.text import gettext as _
from crmkit.core.writing.writer import Writer
from crmkit.rest.calls import Call
from crmkit.rest.cookies import SESSION, clear_cookie
from crmkit.rest.openapi.operations import Follows
from crmkit.rest.replies import Reply, json_reply
from crmkit.rest.sign_in.forms import OpenSession, Session, Sessions
from crmkit.rest.sign_in.shapes import described_session, held, id_in, sign_in_door

__all__ = ["DOORS"]


def show(call: Call) -> Reply:
    """Tell what session one has, and whether a second factor is needed."""
    return json_reply(described_session(call, held(call)), headers={"cache-control": "no-store"})


def sign_out(call: Call) -> Reply:
    """End the session that one has."""
    auth.sign_out(call.crm, held(call))
    return Reply(204, headers=clear_cookie(call.crm.config, SESSION))


def listed(call: Call) -> Reply:
    """List the sessions that have not ended: one's own, for administrators those of everybody."""
    mine = call.identity.session if call.identity else None
    with call.reading() as db:
        found = auth.open_sessions(db, idle_minutes=call.crm.config.auth.idle_minutes)
    this = None if mine is None else mine.id
    return json_reply(Sessions([_told(session, used, is_this_one=session.id == this) for session, used in found]))


def _told(session: SignInSession, used: datetime, *, is_this_one: bool) -> OpenSession:
    known = loaded_values(session)
    return OpenSession(
        id=session.id,
        user_id=session.user_id,
        assurance=session.assurance,
        # From where somebody signed in may be hidden.
        address=known.get("address"),
        agent=known.get("agent"),
        created_at=session.created_at,
        last_used_at=used,
        expires_at=session.expires_at,
        is_this_one=is_this_one,
    )


def end(call: Call) -> Reply:
    """End a session."""
    session = id_in(call, "core.session")

    def work(db: Writer) -> Reply:
        auth.end_session(db, session)
        return Reply(204)

    return call.write(work)


DOORS = (
    sign_in_door(
        "show_session", "GET", "/session", "begun", show, summary=_("The session you have"), answers={200: Session}
    ),
    sign_in_door("sign_out", "DELETE", "/session", "begun", sign_out, summary=_("Sign out"), answers={204: None}),
    sign_in_door(
        "list_sessions", "GET", "/sessions", "principal", listed, summary=_("List sessions"), answers={200: Sessions}
    ),
    sign_in_door(
        "end_session",
        "DELETE",
        "/sessions/{record:str}",
        "principal",
        end,
        summary=_("End a session"),
        answers={204: None},
        is_kept=True,
        follows=(Follows("sign-in.list_sessions", 200, {"record": "$response.body#/items/0/id"}),),
    ),
)
