"""Sessions on the server: known by the digest of what a cookie holds, which changes whenever more is proved.

A session ends when it is ended, when its user may not act any more, after some time without use, and after a longest
time in any case. Nothing is in the cookie but 256 random bits.
"""

from __future__ import annotations

import base64
import hmac
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import sqlalchemy as sa

from crmkit.auth.digests import digest_of, new_secret
from crmkit.auth.ending import end
from crmkit.auth.errors import NotSignedInError
from crmkit.auth.known_by import counting, known_by
from crmkit.auth.statements import may_sign_in
from crmkit.core.entity import entity_info
from crmkit.core.policy.principal import Principal
from crmkit.core.signing_in.entities import SignInSession
from crmkit.core.storage.columns import Moment
from crmkit.core.writing.changes import Write, creation

if TYPE_CHECKING:
    from crmkit.core.crm import CRM
    from crmkit.core.reading.reader import Reader
    from crmkit.core.storage.schema import Schema
    from crmkit.core.writing.writer import Writer

__all__ = [
    "Client",
    "Open",
    "end_session",
    "end_sessions",
    "find_session",
    "open_sessions",
    "sign_out",
    "start_session",
    "strengthen",
]

# How old what is known of a session's last use may be, so that not every request writes.
_TOUCHED = timedelta(minutes=1)
_REASON = "sign-in"


@attrs.frozen
class Client:
    """From where somebody signs in: the *address* that the server sees, and what the program calls itself."""

    address: str = ""
    agent: str = ""


@attrs.frozen
class Open:
    """A session that counts: whose it is, and how sure that is."""

    id: UUID
    user_id: UUID
    user_name: str
    assurance: str
    secret: str = attrs.field(repr=False)

    @property
    def principal(self) -> Principal:
        """Who acts; whether one factor is enough for that, :mod:`crmkit.auth.second_factor` says."""
        return Principal(self.user_id, self.user_name)

    @property
    def csrf_token(self) -> str:
        """What a page has to send along with the cookie: a page of another site cannot know it."""
        return csrf_token_of(self.secret)


def csrf_token_of(secret: str) -> str:
    """Return the token against cross-site requests of the session with this *secret*."""
    made = hmac.digest(secret.encode(), b"crmkit csrf", "sha256")
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


def start_session(crm: CRM, user: UUID, assurance: str, client: Client) -> str:
    """Start a session of *user* and return the secret for its cookie.

    Raises:
        NotSignedInError: the user may not act any more.
    """
    with crm.system(_REASON) as db:
        _check_active(db, user)
        expires = db.now + timedelta(hours=crm.config.auth.session_hours)
        session = SignInSession(
            user_id=user,
            assurance=assurance,
            address=client.address[:45] or None,
            agent=_storable(client.agent)[:300].strip() or None,
            expires_at=expires,
        )
        db.take(creation(session, trusted=True))
        secret, table = new_secret(), db.model.schema.system.session_secret
        row = {"session_id": session.id, "digest": digest_of(secret), "used_at": db.now}
        db.connection.execute(sa.insert(table).values(row))
    return secret


def strengthen(crm: CRM, session: Open) -> str:
    """Note that more than one factor has proved whose *session* it is, and return its new secret; the old one is dead.

    Raises:
        NotSignedInError: it has ended meanwhile, or was strengthened by somebody else.
    """
    secret = new_secret()
    with crm.system(_REASON) as db:
        _check_active(db, session.user_id)
        table = db.model.schema.system.session_secret
        mine = (table.c.session_id == session.id, table.c.digest == digest_of(session.secret))
        changed = sa.update(table).where(*mine).values(digest=digest_of(secret), used_at=db.now)
        if db.connection.execute(changed).rowcount != 1:
            raise NotSignedInError
        info = db.model.registry.entity(SignInSession)
        if session.assurance != "multiple":
            db.take(Write("update", info, session.id, {"assurance": "multiple"}, trusted=True))
    return secret


def find_session(crm: CRM, secret: str, *, uses: bool = True) -> Open:
    """Return the session that the *secret* of a cookie stands for; it is used by that, if somebody *uses* it.

    Raises:
        NotSignedInError: there is none, it has ended, or its user may not act any more.
    """
    now, idle = crm.clock.now(), timedelta(minutes=crm.config.auth.idle_minutes)
    with crm.opened.reading() as connection:
        asked = crm.model.statements.get("session", lambda: _counting(crm.schema))
        given = {"digest": digest_of(secret), "now": now, "least": now - idle}
        row = connection.execute(asked, given).one_or_none()
    if row is None:
        raise NotSignedInError
    if uses and row.used_at + min(_TOUCHED, idle / 2) <= now:
        table = crm.schema.system.session_secret
        with crm.opened.writing() as connection:
            connection.execute(sa.update(table).where(table.c.session_id == row.id).values(used_at=now))
    return Open(row.id, row.user_id, row.name, row.assurance, secret)


def _counting(schema: Schema) -> sa.Select[Any]:
    """Return the statement that finds the session of a ``digest`` which counts ``now`` and was used after ``least``."""
    secret, session, user = schema.system.session_secret, schema.tables["core_session"], schema.tables["core_user"]
    now, least = sa.bindparam("now", type_=Moment()), sa.bindparam("least", type_=Moment())
    counts = [session.c.deleted_at.is_(None), session.c.ended_at.is_(None), session.c.expires_at > now]
    joined = secret.join(session, session.c.id == secret.c.session_id).join(user, user.c.id == session.c.user_id)
    columns = (session.c.id, session.c.user_id, session.c.assurance, secret.c.used_at, user.c.name)
    known = (secret.c.digest == sa.bindparam("digest"), secret.c.used_at > least)
    return sa.select(*columns).select_from(joined).where(*known, *counts, *may_sign_in(user))


def open_sessions(db: Reader, *, idle_minutes: int) -> list[tuple[SignInSession, datetime]]:
    """Return the sessions that *db* sees and that have not ended, each with when it was used last, newest first."""
    found = counting(db, SignInSession)
    secret = db.model.schema.system.session_secret
    asked = sa.select(secret.c.session_id, secret.c.used_at).where(secret.c.session_id.in_([each.id for each in found]))
    used = {row.session_id: row.used_at for row in db.connection.execute(asked)}
    least = db.moment.now - timedelta(minutes=idle_minutes)
    return [(each, used[each.id]) for each in found if each.id in used and used[each.id] > least]


def end_session(db: Writer, session: UUID) -> None:
    """End *session*: the next request with its cookie is not signed in.

    Raises:
        NotFoundError: the principal sees no such session.
        ForbiddenError: the principal may not end it.
        InapplicableVerbError: it has ended already.
    """
    end(db, SignInSession, session)


def end_sessions(db: Writer, user: UUID) -> int:
    """End every session of *user* that the principal sees and may end, and return how many."""
    info = entity_info(SignInSession)
    theirs = (SignInSession.f.user_id == user) & (SignInSession.f.ended_at == None)  # noqa: E711
    found = known_by(db, SignInSession, theirs, order_by="created_at")
    allowed = db.allowed_ids(info, "update", [session.id for session in found])
    db.take(*(Write("update", info, id_, {"ended_at": db.now}, trusted=True) for id_ in sorted(allowed)))
    return len(allowed)


def sign_out(crm: CRM, session: Open) -> None:
    """End *session*, whose holder asks for it; nothing happens if it has ended meanwhile."""
    with crm.system("sign-out") as db:
        found = db.trusted.get_many(SignInSession, [session.id]).get(session.id)
        if found is not None and found.ended_at is None:
            info = db.model.registry.entity(SignInSession)
            db.take(Write("update", info, session.id, {"ended_at": db.now}, trusted=True))


def _check_active(db: Writer, user: UUID) -> None:
    table = db.model.schema.tables["core_user"]
    # Locked, so that a session never begins beside the end of all of them.
    asked = sa.select(table.c.id).where(table.c.id == user, *may_sign_in(table)).with_for_update(read=True)
    if db.connection.execute(asked).one_or_none() is None:
        raise NotSignedInError


def _storable(text: str) -> str:
    return "".join(char for char in text if char.isprintable())
