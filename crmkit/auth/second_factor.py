"""When one factor is not enough: who has a second one always needs it, and so does who holds a role that says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.auth.errors import SecondFactorNeededError, SignInRefusedError
from crmkit.auth.holders import check_may_set_for
from crmkit.auth.sessions import Open, end_sessions, find_session, strengthen
from crmkit.auth.waits import check_and_count, forgive, second_factor_key
from crmkit.core.policy.principal import Principal
from crmkit.core.signing_in.entities import Passkey
from crmkit.core.storage.columns import Id
from crmkit.core.storage.prepared import Prepared
from crmkit.core.writing.changes import Write

if TYPE_CHECKING:
    from crmkit.core.crm import CRM
    from crmkit.core.storage.schema import Schema
    from crmkit.core.writing.writer import Writer

__all__ = [
    "Factors",
    "SignedIn",
    "check_may_enrol",
    "check_second_factor",
    "factors_of",
    "principal_of_session",
    "prove",
    "reset_second_factors",
]

_EVERYBODY = "*"


@attrs.frozen
class Factors:
    """The *methods* by which a user can give a second factor, and whether a role demands one of them."""

    methods: tuple[str, ...]
    demanded: bool

    @property
    def needed(self) -> bool:
        """Whether a password alone is not enough."""
        return bool(self.methods) or self.demanded


@attrs.frozen
class SignedIn:
    """Somebody who has signed in as far as is needed; *csrf_token* has to come along with what changes something."""

    principal: Principal
    session_id: UUID
    csrf_token: str = attrs.field(repr=False)


def principal_of_session(crm: CRM, secret: str) -> SignedIn:
    """Return who acts with the session whose cookie holds *secret*.

    Raises:
        NotSignedInError: there is no such session, it has ended, or its user may not act any more.
        SecondFactorNeededError: a second factor is needed and was not given yet.
    """
    session = find_session(crm, secret)
    check_second_factor(crm, session)
    return SignedIn(session.principal, session.id, session.csrf_token)


def check_second_factor(crm: CRM, session: Open) -> None:
    """Return if as many factors have proved whose *session* it is as are needed.

    Raises:
        SecondFactorNeededError: one more is needed.
    """
    if session.assurance != "multiple" and (found := factors_of(crm, session.user_id)).needed:
        raise SecondFactorNeededError(found.methods)


def check_may_enrol(crm: CRM, session: Open) -> None:
    """Return if the holder of *session* may set up a second factor: the first one, or a further one after giving one.

    Raises:
        SecondFactorNeededError: they have one, and did not give it.
    """
    if session.assurance != "multiple" and (found := factors_of(crm, session.user_id)).methods:
        raise SecondFactorNeededError(found.methods)


def factors_of(crm: CRM, user: UUID) -> Factors:
    """Return which second factors *user* has, and whether one is demanded."""
    roles, dialect = tuple(crm.config.auth.second_factor), crm.storage.dialect
    asked = crm.model.statements.get(("second factors", roles), lambda: Prepared(_factors(crm.schema, roles), dialect))
    with crm.opened.reading() as connection:
        ((totp, passkey, recovery_code, demanded),) = asked.rows(connection, {"user": user})
    enrolled = [name for name, has in (("totp", totp), ("passkey", passkey)) if has]
    # A recovery code stands in for another factor, and is none by itself.
    methods = [*enrolled, *(["recovery_code"] if enrolled and recovery_code else [])]
    return Factors(tuple(methods), _EVERYBODY in roles or bool(demanded))


def _factors(schema: Schema, demanding: Sequence[str]) -> Any:
    """Return the statement that says of a ``user`` which factors they have, and whether a *demanding* role."""
    user = sa.bindparam("user", type_=Id(), required=True)
    totp, code = schema.system.totp, schema.system.recovery_code
    passkey, assignment = schema.tables["core_passkey"], schema.tables["core_assignment"]
    one = sa.select(sa.literal(1))
    return sa.select(
        one.where(totp.c.user_id == user, totp.c.confirmed_at.is_not(None)).exists(),
        one.where(passkey.c.user_id == user, passkey.c.deleted_at.is_(None)).exists(),
        one.where(code.c.user_id == user).exists(),
        one.where(
            assignment.c.user_id == user, assignment.c.deleted_at.is_(None), assignment.c.role.in_(demanding)
        ).exists(),
    )


def reset_second_factors(db: Writer, user: UUID) -> None:
    """Forget every second factor of *user*, who has lost them, and end their sessions; the password stays.

    Raises:
        NotFoundError, ForbiddenError: the principal may not; see :func:`~crmkit.auth.holders.check_may_set_for`.
    """
    check_may_set_for(db, user)
    tables, info = db.model.schema.system, db.model.registry.entity(Passkey)
    for table in (tables.totp, tables.recovery_code):
        db.connection.execute(sa.delete(table).where(table.c.user_id == user))
    passkeys = db.trusted.find(Passkey, Passkey.f.user_id == user)
    db.take(*(Write("delete", info, passkey.id, {}, trusted=True) for passkey in passkeys))
    end_sessions(db, user)


def prove(crm: CRM, session: Open, is_right: Callable[[Connection], bool]) -> str:
    """Return the new secret of *session* if *is_right*, called in a transaction that commits, says that a factor is.

    Raises:
        SignInRefusedError: it is not.
        TooManyAttemptsError: it was not too often before.
        NotSignedInError: the session has ended meanwhile.
    """
    guarded, now = second_factor_key(str(session.user_id)), crm.clock.now()
    with crm.opened.writing() as connection:
        check_and_count(connection, crm.schema, now, guarded)
    with crm.opened.writing() as connection:
        if not is_right(connection):
            raise SignInRefusedError
        forgive(connection, crm.schema, now, all_of=guarded, one_of=None)
    return strengthen(crm, session)
