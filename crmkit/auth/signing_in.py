"""Signing in with a password: the same answer and the same work, whether there is such an account or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from crmkit.auth.errors import SignInRefusedError
from crmkit.auth.passwords import rehash, set_password, verify
from crmkit.auth.sessions import Client, Open, start_session
from crmkit.auth.statements import may_sign_in
from crmkit.auth.waits import Guarded, account_key, address_key, check_and_count, forgive
from crmkit.core.text import is_storable

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["change_password", "sign_in"]


def sign_in(crm: CRM, login: str, password: str, client: Client) -> str:
    """Start a session of the person whose e-mail address or name is *login*, and return the secret for its cookie.

    One factor has proved who it is then; where another is needed, requests are refused until it was given.

    Raises:
        SignInRefusedError: there is no such account, or the password is not its own.
        TooManyAttemptsError: it failed too often before.
        MissingExtraError: the extra ``auth`` is not installed.
    """
    user = _prove(crm, _called(crm, login), account_key(login), password, client)
    return start_session(crm, user, "single", client)


def change_password(crm: CRM, session: Open, password: str, new: str, client: Client) -> str:
    """Give the holder of *session* the *new* password instead of *password*, and return the secret of a new session.

    All other sessions end; tokens stay.

    Raises:
        SignInRefusedError: *password* is not the present one.
        TooManyAttemptsError: it failed too often before.
        ValidationError: the new one is refused.
    """
    me = crm.schema.tables["core_user"].c.id == session.user_id
    _prove(crm, me, account_key(str(session.user_id)), password, client)
    with crm.system("password changed") as db:
        set_password(db, session.user_id, new, least=crm.config.auth.password_length, keep_tokens=True)
    return start_session(crm, session.user_id, session.assurance, client)


def _prove(crm: CRM, who: ColumnElement[bool], account: Guarded, password: str, client: Client) -> UUID:
    address = address_key(client.address)
    with crm.opened.writing() as connection:
        check_and_count(connection, crm.schema, crm.clock.now(), account, address)
    found = _find(crm, who)
    right, today = verify(found.hash if found else None, password)
    if found is None or not right:
        raise SignInRefusedError
    with crm.opened.writing() as connection:
        forgive(connection, crm.schema, crm.clock.now(), all_of=account, one_of=address)
        if today is not None:
            rehash(connection, crm.schema, found.id, found.hash, today)
    user: UUID = found.id
    return user


def _called(crm: CRM, login: str) -> ColumnElement[bool]:
    """Return the condition that a user is called *login*: by an e-mail address if it looks like one, else by name."""
    user, login = crm.schema.tables["core_user"], login.strip()
    if not is_storable(login):
        return sa.false()
    name, at, domain = login.rpartition("@")
    return user.c.email == f"{name}{at}{domain.lower()}" if at else user.c.name == login


def _find(crm: CRM, who: ColumnElement[bool]) -> Any:
    """Return the active person for whom *who* holds and the hash of their password; ``None`` but for exactly one."""
    user, password = crm.schema.tables["core_user"], crm.schema.system.password
    joined = user.join(password, password.c.user_id == user.c.id)
    asked = sa.select(user.c.id, password.c.hash).select_from(joined).where(who, *may_sign_in(user)).limit(2)
    with crm.opened.reading() as connection:
        rows = connection.execute(asked).all()
    return rows[0] if len(rows) == 1 else None
