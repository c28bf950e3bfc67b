"""Users, teams and roles for tests, made in one line each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from crmkit.core.crm import CRM
from crmkit.core.policy.people import Assignment, GrantRecord, MaskRecord, Membership, RoleRecord, Team, User
from crmkit.core.policy.principal import Principal
from crmkit.core.policy.roles import Grant, Mask
from crmkit.core.rules.rule import Rule
from crmkit.core.writing.writer import Writer

__all__ = ["People", "TeamTree"]

_REASON = "test"
TeamTree = Mapping[str, "TeamTree"]


class People:
    """Makes the people of one CRM; everything is written as the system does."""

    def __init__(self, crm: CRM) -> None:
        """Make people for *crm*."""
        self._crm = crm

    def user(
        self,
        name: str,
        *,
        team: Team | str | None = None,
        roles: Iterable[str] = (),
        also: Iterable[Team | str] = (),
        member: bool = True,
        **fields: Any,
    ) -> Principal:
        """Return the principal of a new user with the home team *team*, further teams *also*, and *roles*.

        Teams are given by name where that is easier; one that does not exist is made. With *member*, the user also has
        the role ``core.member``, without which nobody sees users and teams. *fields* are further fields of the user.
        """
        given = ["core.member", *roles] if member else list(roles)
        with self._crm.system(_REASON) as db:
            home = self._team(db, team, None).id if team else None
            user = db.create(User(name=name, team_id=home, **fields))
            db.create_many([Assignment(user_id=user.id, role=role) for role in dict.fromkeys(given)])
            db.create_many([Membership(user_id=user.id, team_id=self._team(db, other, None).id) for other in also])
        return Principal(user.id, name)

    def team(self, name: str, parent: Team | str | None = None) -> Team:
        """Return the team *name* under *parent*, made if it does not exist."""
        with self._crm.system(_REASON) as db:
            return self._team(db, name, parent)

    def teams(self, tree: TeamTree) -> dict[str, Team]:
        """Return the teams of *tree* by name: ``{"World": {"Europe": {}, "Asia": {"中国": {}}}}``."""
        with self._crm.system(_REASON) as db:
            return dict(self._branch(db, tree, None))

    def _branch(self, db: Writer, tree: TeamTree, parent: Team | None) -> Iterable[tuple[str, Team]]:
        for name, below in tree.items():
            team = self._team(db, name, parent)
            yield name, team
            yield from self._branch(db, below, team)

    def _team(self, db: Writer, team: Team | str, parent: Team | str | None) -> Team:
        if isinstance(team, Team):
            return team
        found = db.find(Team, Team.f.name == team)
        if found:
            return found[0]
        above = self._team(db, parent, None).id if parent else None
        return db.create(Team(name=team, parent_id=above))

    def role(self, name: str, grants: Sequence[Grant] = (), masks: Sequence[Mask] = ()) -> str:
        """Return *name* after making a role of it at run time, as an administrator would."""
        with self._crm.system(_REASON) as db:
            role = db.create(RoleRecord(name=name, label=name))
            db.create_many([_grant_record(role, grant) for grant in grants])
            hidden = [(mask, field) for mask in masks for field in sorted(mask.fields)]
            db.create_many(
                [MaskRecord(role_id=role.id, entity=m.entity, field_name=field, access=m.access) for m, field in hidden]
            )
        return name

    def assign(self, principal: Principal, *roles: str) -> None:
        """Give further *roles* to *principal*."""
        assert principal.user_id is not None
        with self._crm.system(_REASON) as db:
            db.create_many([Assignment(user_id=principal.user_id, role=role) for role in roles])


def _grant_record(role: RoleRecord, grant: Grant) -> GrantRecord:
    verbs = " ".join(sorted(grant.verbs))
    if isinstance(grant.scope, Rule):
        return GrantRecord(role_id=role.id, entity=grant.entity, verbs=verbs, scope="rule", rule=grant.scope.text)
    return GrantRecord(role_id=role.id, entity=grant.entity, verbs=verbs, scope=grant.scope)
