"""How one gets into the demo company: passwords for those who are shown, and a token, made anew each time."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import attrs

from crmkit.core.text import translate

if TYPE_CHECKING:
    from crmkit import CRM, User, Writer

__all__ = ["Entrance", "make_entrances", "make_token_for"]

_NAME = "demo"
_DAYS = timedelta(days=7)
_BYTES = 15


@attrs.frozen
class Entrance:
    """As whom somebody may look, with which role and which password."""

    name: str
    role: str
    email: str
    password: str = attrs.field(repr=False)


def make_entrances(crm: CRM, people: Sequence[User]) -> list[Entrance]:
    """Give each of *people* a password that nobody can guess, and return them with it.

    Raises:
        MissingExtraError: the extra ``auth`` is not installed.
    """
    from crmkit.auth import set_password

    made = list[Entrance]()
    with crm.system(_NAME) as db:
        for user in people:
            password = secrets.token_urlsafe(_BYTES)
            set_password(db, user.id, password, least=crm.config.auth.password_length)
            made.append(Entrance(user.name, _role_of(crm, db, user), user.email or "", password))
    return made


def _role_of(crm: CRM, db: Writer, user: User) -> str:
    """Return what *user* does in the company: of their roles that of the plugin which builds on the others."""
    from crmkit import Assignment

    # Newest first, and they were given in the order of plugins.
    held = [each.role for each in db.find(Assignment, Assignment.f.user_id == user.id)]
    roles = [crm.registry.roles[name] for name in held if name in crm.registry.roles]
    roles.sort(key=lambda role: role.id == "core.member")
    return translate(roles[0].label) if roles else ""


def make_token_for(crm: CRM, user: User) -> str:
    """Return a token with which a program acts as *user* for a week; those that were made here before are ended."""
    from crmkit import Principal
    from crmkit.auth import end_token, make_token
    from crmkit.core.signing_in.entities import Token

    with crm.write(Principal(user.id, user.name), cause=_NAME) as db:
        for old in db.find(Token, (Token.f.name == _NAME) & (Token.f.user_id == user.id)):
            if old.ended_at is None:
                end_token(db, old.id)
        return make_token(db, _NAME, scopes=["*:write"], expires_at=db.now + _DAYS).text
