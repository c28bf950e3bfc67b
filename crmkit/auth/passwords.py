"""Passwords: hashed with Argon2id (RFC 9106), set by their user, by administrators, or with a link that works once."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.auth.extra import needs_auth
from crmkit.auth.holders import check_may_set_for
from crmkit.auth.links import Invitation
from crmkit.auth.password_rule import LONGEST, normal_password, problems_of_password
from crmkit.auth.statements import insert_into
from crmkit.auth.tickets import issue, redeem
from crmkit.core.errors import FieldProblem, ValidationError
from crmkit.core.ledger import INVITED, PASSWORD_RESET, PASSWORD_SET, Entry
from crmkit.core.signing_in.ending import endings, forget_tickets
from crmkit.core.signing_in.entities import SignInSession, Token
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from pwdlib import PasswordHash

    from crmkit.core.crm import CRM
    from crmkit.core.policy.people import User
    from crmkit.core.storage.schema import Schema
    from crmkit.core.writing.writer import Writer

__all__ = ["invite", "rehash", "reset_password", "set_password", "use_invitation", "verify"]

_INVITED = timedelta(days=3)


@cache
def _hasher() -> PasswordHash:
    """Return what makes and verifies hashes: 64 MiB, three passes, as RFC 9106 recommends where memory is scarce."""
    with needs_auth(_("Signing in with a password")):
        from pwdlib import PasswordHash
        from pwdlib.hashers.argon2 import Argon2Hasher
    return PasswordHash((Argon2Hasher(),))


@cache
def _nobodys() -> str:
    return _hasher().hash("the password of nobody")


def set_password(db: Writer, user: UUID, password: str, *, least: int, keep_tokens: bool = False) -> None:
    """Give *user* the *password*, of *least* characters; it ends their sessions and every link that would set another.

    If they had a password before, somebody else may have known it: their tokens end as well, unless *keep_tokens*.

    Raises:
        ValidationError: it is too short or too easily guessed, or nobody signs in to that account.
        NotFoundError, ForbiddenError: the principal may not; see :func:`~crmkit.auth.holders.check_may_set_for`.
    """
    holder = check_may_set_for(db, user)
    _check_signs_in(holder)
    known = [text for text in (holder.name, holder.email) if text]
    if problems := list(problems_of_password(password, least, known)):
        raise ValidationError("core.user", problems)
    was_known = _has_password(db, user)
    _keep(db.connection, db.model.schema, user, _hasher().hash(normal_password(password)), db.now)
    ended = [*endings(db, SignInSession, [user])]
    if was_known and not keep_tokens:
        ended += endings(db, Token, [user])
    db.take(*ended)
    forget_tickets(db, [user])
    _note(db, user, PASSWORD_SET)


def invite(db: Writer, user: UUID) -> Invitation:
    """Return that with which *user* sets a password, once, within three days, and until they have set one.

    Nothing of theirs ends before they have: for who has forgotten a password, or shows it to somebody,
    :func:`reset_password` does more.

    Raises:
        ValidationError: nobody signs in to that account.
        NotFoundError, ForbiddenError: the principal may not; see :func:`~crmkit.auth.holders.check_may_set_for`.
    """
    _check_signs_in(check_may_set_for(db, user))
    return _invited(db, user, INVITED)


def reset_password(db: Writer, user: UUID) -> Invitation:
    """Forget the password of *user*, end their sessions and tokens, and return that with which they set another.

    Links that were made before are dead; second factors stay what they are.

    Raises:
        ValidationError: nobody signs in to that account.
        NotFoundError, ForbiddenError: the principal may not; see :func:`~crmkit.auth.holders.check_may_set_for`.
    """
    _check_signs_in(check_may_set_for(db, user))
    table = db.model.schema.system.password
    db.connection.execute(sa.delete(table).where(table.c.user_id == user))
    db.take(*endings(db, SignInSession, [user]), *endings(db, Token, [user]))
    forget_tickets(db, [user])
    return _invited(db, user, PASSWORD_RESET)


def use_invitation(crm: CRM, ticket: str, password: str) -> UUID:
    """Set the *password* of whom the *ticket* was made for, and return who that is.

    Raises:
        TicketError: it was used already, has expired, or is none.
        ValidationError: the password is refused; the ticket can still be used.
    """
    with crm.system("password set through a link") as db:
        found = redeem(db.connection, db.model.schema, "password", ticket, db.now)
        assert found.user_id is not None
        set_password(db, found.user_id, password, least=crm.config.auth.password_length)
    return found.user_id


def verify(hash_: str | None, password: str) -> tuple[bool, str | None]:
    """Return whether *password* is that of *hash_*, and its hash of today if that was made with other parameters.

    ``None`` is nobody's, and takes as long.
    """
    # Nobody's password is longer, so that nobody makes us hash what is.
    given, nobodys = normal_password(password[: LONGEST + 1]), _nobodys()
    right, today = _hasher().verify_and_update(given, hash_ or nobodys)
    return (True, today) if right and hash_ is not None else (False, None)


def rehash(connection: Connection, schema: Schema, user: UUID, old: str, new: str) -> None:
    """Keep *new* instead of *old*, unless the password of *user* was set meanwhile."""
    table = schema.system.password
    connection.execute(sa.update(table).where(table.c.user_id == user, table.c.hash == old).values(hash=new))


def _check_signs_in(holder: User) -> None:
    if holder.kind != "person":
        problem = FieldProblem("kind", _("nobody signs in to a service account; give it a token"), "service")
        raise ValidationError("core.user", [problem])


def _invited(db: Writer, user: UUID, kind: str) -> Invitation:
    _note(db, user, kind)
    ticket = issue(db.connection, db.model.schema, "password", db.now, _INVITED, user=user)
    return Invitation(ticket, db.now + _INVITED)


def _note(db: Writer, user: UUID, kind: str) -> None:
    db.note([Entry("core.user", user, kind, {}, db.cause, db.depth)])


def _has_password(db: Writer, user: UUID) -> bool:
    table = db.model.schema.system.password
    return db.connection.scalar(sa.select(table.c.user_id).where(table.c.user_id == user)) is not None


def _keep(connection: Connection, schema: Schema, user: UUID, hash_: str, now: datetime) -> None:
    table = schema.system.password
    values = {"hash": hash_, "set_at": now}
    kept = insert_into(connection, table).values(user_id=user, **values)
    connection.execute(kept.on_conflict_do_update(index_elements=[table.c.user_id], set_=values))
