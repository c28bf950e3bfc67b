"""Resolving accesses: read from the database once, kept until the epoch says that policy has changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.configuration.checks import accepts, locale, time_zone
from crmkit.core.configuration.config import Company
from crmkit.core.errors import CrmkitError
from crmkit.core.policy.access import Access
from crmkit.core.policy.principal import Principal
from crmkit.core.policy.roles import Grant, Mask, Role
from crmkit.core.policy.scopes import Scopes
from crmkit.core.registry import Registry
from crmkit.core.registry_checks import check_grant
from crmkit.core.shipped.role_trees import merged_role
from crmkit.core.storage.epochs import Epoch, Epochs
from crmkit.core.storage.schema import Schema
from crmkit.core.text import Text, gettext as _

__all__ = ["AccessCache", "InactiveUserError"]

SYSTEM = "system"


class InactiveUserError(CrmkitError):
    """The principal's user does not exist any more, or has been deactivated."""

    code = "inactive-user"
    template = _("{name!r} is no active user.")

    def __init__(self, name: str) -> None:
        """Name the user."""
        super().__init__(name=name)


@attrs.frozen(eq=False)
class _Policy:
    """What one epoch of the policy says, before anybody asks."""

    epoch: int
    children: Mapping[UUID, tuple[UUID, ...]]
    roles: Mapping[str, Role]
    accesses: dict[tuple[UUID, Scopes | None], Access]


class AccessCache:
    """The accesses of one CRM."""

    def __init__(self, registry: Registry, schema: Schema, epochs: Epochs, company: Company) -> None:
        """Nothing is read before the first :meth:`resolve`; *company* stands in where a user's row makes no sense."""
        self._registry, self._schema, self._company = registry, schema, company
        self._epochs = epochs
        self._system = Access(registry, 0, None, SYSTEM)
        self._policy: _Policy | None = None

    def resolve(self, connection: Connection, principal: Principal, epoch: Epoch | None = None) -> Access:
        """Return what *principal* may do now; who has read the *epoch* already spares a statement.

        Raises:
            InactiveUserError: the user is gone or inactive.
        """
        if principal.user_id is None:
            return self._system
        policy = self._current(connection, epoch)
        key = principal.user_id, principal.scopes
        access = policy.accesses.get(key)
        if access is None:
            access = policy.accesses[key] = self._read_access(connection, policy, principal)
        return access

    def roles(self, connection: Connection) -> Mapping[str, Role]:
        """Return every role by the name under which it is assigned: those that plugins ship, and those made here."""
        return self._current(connection).roles

    def _current(self, connection: Connection, epoch: Epoch | None = None) -> _Policy:
        now = (epoch or self._epochs.now(connection)).policy
        policy = self._policy
        if policy is None or policy.epoch != now:
            policy = self._policy = self._read_policy(connection, now)
        return policy

    def _alive(self, entity: str, *columns: str) -> sa.Select[Any]:
        table = self._schema.tables[entity.replace(".", "_")]
        return sa.select(*(table.c[name] for name in columns)).where(table.c.deleted_at.is_(None))

    def _read_policy(self, connection: Connection, epoch: int) -> _Policy:
        children: dict[UUID, list[UUID]] = {}
        for team, parent in connection.execute(self._alive("core.team", "id", "parent_id")):
            children.setdefault(parent, []).append(team)
        tree = {parent: tuple(teams) for parent, teams in children.items()}
        shipped = {**self._registry.roles, **dict(self._edited_roles(connection))}
        return _Policy(epoch, tree, {**shipped, **self._run_time_roles(connection)}, {})

    def _edited_roles(self, connection: Connection) -> Iterator[tuple[str, Role]]:
        edit = self._schema.tables["core_local_edit"]
        edits = self._alive("core.local_edit", "thing", "base", "local").where(edit.c.kind == "role")
        for id_, base, local in connection.execute(edits):
            if (shipped := self._registry.roles.get(id_)) is not None:
                role = merged_role(shipped, base, local)
                usable = [g for g in role.grants if not any(check_grant(self._registry, g.entity, g))]
                yield id_, attrs.evolve(role, grants=usable)

    def _run_time_roles(self, connection: Connection) -> dict[str, Role]:
        grants: dict[UUID, list[Grant]] = {}
        for role, *columns in connection.execute(
            self._alive("core.grant", "role_id", "entity", "verbs", "scope", "rule")
        ):
            grants.setdefault(role, []).extend(self._usable(*columns))
        masks: dict[UUID, list[Mask]] = {}
        for role, entity, field, access in connection.execute(
            self._alive("core.mask", "role_id", "entity", "field_name", "access")
        ):
            masks.setdefault(role, []).append(Mask(entity, [field], access))
        return {
            name: Role(f"core.{_slug(id_)}", Text(label), grants.get(id_, ()), masks.get(id_, ()))
            for id_, name, label in connection.execute(self._alive("core.role", "id", "name", "label"))
            if name not in self._registry.roles
        }

    def _usable(self, entity: str, verbs: str, scope: str, rule: str | None) -> Iterator[Grant]:
        """Yield the grant if it makes sense today: where a plugin and its fields are gone, it grants nothing."""
        try:
            grant = Grant(entity, verbs.split(), (rule or "false") if scope == "rule" else scope)
        except CrmkitError:
            return
        if not any(check_grant(self._registry, entity, grant)):
            yield grant

    def _read_access(self, connection: Connection, policy: _Policy, principal: Principal) -> Access:
        user = self._schema.tables["core_user"]
        id_: Any = principal.user_id
        row = connection.execute(
            self._alive("core.user", "name", "is_active", "team_id", "time_zone", "locale").where(user.c.id == id_)
        ).one_or_none()
        if row is None or not row.is_active:
            raise InactiveUserError(principal.name)
        teams = self._teams_of(connection, id_, row.team_id)
        roles = self._roles_of(connection, id_, policy)
        return Access(
            registry=self._registry,
            epoch=policy.epoch,
            user_id=id_,
            name=row.name,
            roles=tuple(roles.values()),
            role_names=frozenset(roles),
            home_team=row.team_id,
            teams=teams,
            subtree=_subtree(teams, policy.children),
            shared=self._shared_with(connection, id_, teams),
            scopes=principal.scopes,
            time_zone=row.time_zone if accepts(time_zone, row.time_zone) else self._company.time_zone,
            locale=row.locale if accepts(locale, row.locale) else self._company.locale,
        )

    def _teams_of(self, connection: Connection, user: UUID, home: UUID | None) -> tuple[UUID, ...]:
        membership = self._schema.tables["core_membership"]
        further = connection.scalars(self._alive("core.membership", "team_id").where(membership.c.user_id == user))
        return tuple(dict.fromkeys([*([home] if home else []), *further]))

    def _roles_of(self, connection: Connection, user: UUID, policy: _Policy) -> dict[str, Role]:
        assignment = self._schema.tables["core_assignment"]
        held = connection.scalars(self._alive("core.assignment", "role").where(assignment.c.user_id == user))
        return {name: policy.roles[name] for name in sorted(set(held)) if name in policy.roles}

    def _shared_with(self, connection: Connection, user: UUID, teams: tuple[UUID, ...]) -> frozenset[str]:
        share = self._schema.tables["core_share"]
        mine = sa.or_(share.c.user_id == user, share.c.team_id.in_(teams))
        return frozenset(connection.scalars(self._alive("core.share", "record_entity").where(mine).distinct()))


def _slug(id_: UUID) -> str:
    return f"r{id_.hex}"


def _subtree(teams: tuple[UUID, ...], children: Mapping[UUID, tuple[UUID, ...]]) -> tuple[UUID, ...]:
    """Return *teams* and all below them, *teams* first; a circle in the tree ends where it closes."""
    found, todo = dict.fromkeys(teams), list(teams)
    while todo:
        for team in children.get(todo.pop(), ()):
            if team not in found:
                found[team] = None
                todo.append(team)
    return tuple(found)
