"""Finding the person that a command names."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from crmkit.cli.suggestions import Suggesting, close_names
from crmkit.core.crm import CRM
from crmkit.core.errors import CrmkitError, NotFoundError
from crmkit.core.policy.people import Assignment, Team, User
from crmkit.core.policy.principal import Principal
from crmkit.core.reading.reader import Reader
from crmkit.core.rules.rule import Rule
from crmkit.core.text import casefold, gettext as _

if TYPE_CHECKING:
    from crmkit.cli.session import Session

__all__ = [
    "ADMINISTRATOR",
    "HOST",
    "AmbiguousNameError",
    "LastAdministratorError",
    "UnknownNameError",
    "UnknownRoleError",
    "active_administrators",
    "check_not_last",
    "find_principal",
    "find_team",
    "find_user",
]

# Whoever may run commands on this machine with this configuration could read the database as well.
HOST = Principal(None, "system", "command line")

ADMINISTRATOR = "core.administrator"


class AmbiguousNameError(CrmkitError):
    """Several users have the name that was given."""

    code = "ambiguous-name"
    template = _("Several are called {name!r}: {options}. Give the e-mail address or the id.")

    def __init__(self, name: str, users: list[User]) -> None:
        """List the *users*."""
        super().__init__(name=name, options=", ".join(f"{user.name} <{user.email or user.id}>" for user in users))


class LastAdministratorError(CrmkitError):
    """Nobody would be left who may give people roles."""

    code = "last-administrator"
    template = _(
        "{name} is the only active administrator. "
        "Make somebody else one first: crmkit user assign PERSON core.administrator"
    )

    def __init__(self, name: str) -> None:
        """Give the *name* of the administrator."""
        super().__init__(name=name)


class UnknownNameError(Suggesting, NotFoundError):
    """Nobody, or no team, has the name that was given; ``options`` are similar names."""

    code = "unknown-name"
    template = _("There is no {entity} {reference!r}.")

    def __init__(self, entity: str, reference: str, options: list[str]) -> None:
        """Suggest *options*."""
        super().__init__(entity, reference)
        self.facts = {**self.facts, "options": options}


class UnknownRoleError(CrmkitError):
    """A role was named that no plugin ships and nobody made."""

    code = "unknown-role"
    template = _("There is no role {role!r}. Roles: {known}.")

    def __init__(self, role: str, known: list[str]) -> None:
        """Name the *role* and those that are *known*."""
        super().__init__(role=role, known=", ".join(known))


def find_principal(crm: CRM, name: str) -> Principal:
    """Return the principal of the user called *name*.

    Raises:
        NotFoundError, AmbiguousNameError: nobody is called so, or several are.
    """
    with crm.read(HOST) as db:
        user = find_user(db, name)
    return Principal(user.id, user.name)


def active_administrators(db: Reader) -> set[UUID]:
    """Return who is active and has the role of an administrator, as far as *db* sees them."""
    active = {user.id for user in db.find(User, "is_active")}
    return {held.user_id for held in db.find(Assignment, Assignment.f.role == ADMINISTRATOR)} & active


def check_not_last(session: Session, user: User) -> None:
    """Return if somebody else is an active administrator, too.

    Raises:
        LastAdministratorError: *user* is the only one.
    """
    with session.trusted() as db:
        if active_administrators(db) == {user.id}:
            raise LastAdministratorError(user.name)


def find_user(db: Reader, name: str) -> User:
    """Return the user with this id, e-mail address or name; case matters only where it tells two people apart.

    Raises:
        NotFoundError, AmbiguousNameError: nobody is called so, or several are.
    """
    try:
        return db.get(User, UUID(name))
    except ValueError:
        pass
    folded = casefold(name.strip())
    similar = db.find(User, _is(User.f.name, folded) | _is(User.f.email, folded))
    exact = [user for user in similar if name in (user.name, user.email)] or similar
    if len(exact) > 1:
        raise AmbiguousNameError(name, exact)
    if not exact:
        raise _unknown(_("user"), name, [user.name for user in db.find(User)])
    return exact[0]


def find_team(db: Reader, name: str) -> Team:
    """Return the team with this id or name.

    Raises:
        NotFoundError: there is none.
    """
    try:
        return db.get(Team, UUID(name))
    except ValueError:
        pass
    found = db.find(Team, _is(Team.f.name, casefold(name.strip())))
    exact = [team for team in found if team.name == name] or found
    if len(exact) != 1:
        raise _unknown(_("team"), name, [team.name for team in db.find(Team)])
    return exact[0]


def _is(field: object, folded: str) -> Rule:
    rule: Rule = field.lower() == folded  # type: ignore[attr-defined]
    return rule


def _unknown(entity: str, name: str, names: list[str]) -> UnknownNameError:
    return UnknownNameError(entity, name, close_names(name, names))
