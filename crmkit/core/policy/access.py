"""What one principal may do: roles, teams and shares resolved, until the next change of policy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any
from uuid import UUID

import attrs

from crmkit.core.entity import EntityInfo
from crmkit.core.policy.roles import EVERY_ENTITY, SCOPES, VERBS, Grant, Mask, Role
from crmkit.core.policy.scopes import EVERY_PLUGIN, Scopes, covers
from crmkit.core.registry import Registry
from crmkit.core.rules.rule import Rule

__all__ = ["ALWAYS_READABLE", "Access", "EntityAccess", "VerbScope"]

ALWAYS_READABLE = frozenset({"id", "version"})
# What a share can give.
_BY_SHARE = frozenset({"read", "update"})


@attrs.frozen
class VerbScope:
    """Where a verb is allowed: up to a rung of the ladder own, team, subtree, all; and where any of *rules* holds."""

    level: str | None = None
    rules: tuple[Rule, ...] = ()

    def __bool__(self) -> bool:
        return self.level is not None or bool(self.rules)

    @classmethod
    def union(cls, grants: Iterable[Grant]) -> VerbScope:
        """Return the scope that *grants* give together."""
        level, rules = -1, dict[str, Rule]()
        for grant in grants:
            if isinstance(grant.scope, Rule):
                rules[grant.scope.text] = grant.scope
            else:
                level = max(level, SCOPES.index(grant.scope))
        if level == SCOPES.index("all"):
            rules = {}
        return cls(SCOPES[level] if level >= 0 else None, tuple(rules.values()))


@attrs.frozen
class EntityAccess:
    """What a principal may do with one entity: scopes by verb, fields it may read and write, restrictions by verb.

    *shared* are the verbs that shares may give; none where nothing of the entity is shared with the principal.
    """

    scopes: Mapping[str, VerbScope]
    readable: frozenset[str]
    writable: frozenset[str]
    restrictions: Mapping[str, tuple[Rule, ...]]
    shared: frozenset[str]

    def scope(self, verb: str) -> VerbScope:
        """Return where *verb* is allowed; empty when nowhere."""
        return self.scopes.get(verb, VerbScope())


@attrs.frozen(eq=False, slots=False)
class Access:
    """A principal's resolved access at one epoch of the policy. The system's has no user and no limits.

    *role_names* are those under which its roles are assigned: a shipped one's id, the name of one made at run time.
    *scopes* are the principal's: what they do not cover is granted by no role and no share.
    """

    registry: Registry
    epoch: int
    user_id: UUID | None
    name: str
    roles: tuple[Role, ...] = ()
    role_names: frozenset[str] = frozenset()
    home_team: UUID | None = None
    teams: tuple[UUID, ...] = ()
    subtree: tuple[UUID, ...] = ()
    shared: frozenset[str] = frozenset()
    scopes: Scopes | None = None
    time_zone: str = "UTC"
    locale: str = "en"
    shape_number: int | None = attrs.field(default=None, init=False)

    @property
    def is_system(self) -> bool:
        """Whether nothing is checked."""
        return self.user_id is None

    @property
    def shape(self) -> tuple[Any, ...]:
        """What decides the text of this access's statements; the rest are their parameters."""
        return (self.is_system, self.roles, len(self.teams), len(self.subtree), self.shared, self.scopes)

    @cached_property
    def role_ids(self) -> frozenset[str]:
        """The ids of the roles that the principal holds."""
        return frozenset(role.id for role in self.roles)

    @cached_property
    def _entities(self) -> dict[str, EntityAccess]:
        return {}

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The named values that prepared statements take: ``me`` and every team by place."""
        return {"me": self.user_id, **{f"team_{n}": team for n, team in enumerate(self.subtree)}}

    def entity(self, info: EntityInfo) -> EntityAccess:
        """Return what the principal may do with *info*."""
        found = self._entities.get(info.id)
        if found is None:
            found = self._entities[info.id] = self._resolve(self.registry.entities[info.id])
        return found

    def may(self, verb: str, subject: str) -> bool:
        """Return whether a grant allows *verb* on *subject*, which is no entity; see ``SUBJECTS``."""
        return self.is_system or (
            self.covers(subject, verb)
            and any(
                grant.entity in (subject, EVERY_ENTITY) and verb in grant.verbs
                for role in self.roles
                for grant in role.grants
            )
        )

    def covers(self, subject: str, verb: str) -> bool:
        """Return whether the scopes leave *verb* on *subject*, if a role or a share gives it."""
        return covers(self.scopes, subject, verb)

    @property
    def is_limited(self) -> bool:
        """Whether scopes take anything away."""
        return not self.covers(EVERY_PLUGIN, "update")

    @property
    def reads_everything(self) -> bool:
        """Whether a role lets the principal read every field of every record."""
        return self.is_system or (
            self.covers(EVERY_PLUGIN, "read")
            and any(
                grant.entity == EVERY_ENTITY and "read" in grant.verbs
                for role in self.roles
                if not role.masks
                for grant in role.grants
            )
        )

    @property
    def is_administrator(self) -> bool:
        """Whether the principal has every verb on everything, and so could grant itself what it has not."""
        return self.is_system or any(
            not self.is_limited
            and grant.entity == EVERY_ENTITY
            and grant.scope == "all"
            and grant.verbs >= frozenset(VERBS)
            for role in self.roles
            for grant in role.grants
        )

    def may_act_as(self, user: UUID | None) -> bool:
        """Return whether the principal may let something act as *user* later; as the system (``None``) only the system.

        An administrator, who could take any role, may let it act as anybody; whose scopes are limited as nobody, as it
        would act without those limits.
        """
        if self.is_system:
            return True
        if user is None or self.is_limited:
            return False
        return user == self.user_id or self.is_administrator

    def team_ids(self, level: str) -> tuple[UUID, ...]:
        """Return the teams within which *level* (team or subtree) sees; one's own teams come first in both."""
        return self.teams if level == "team" else self.subtree if level == "subtree" else ()

    def _resolve(self, info: EntityInfo) -> EntityAccess:
        computed = self.registry.computed(info.id)
        names = frozenset([*self.registry.fields(info.id), *computed])
        if self.is_system:
            return EntityAccess(dict.fromkeys(VERBS, VerbScope("all")), names, names, {}, shared=frozenset())
        covered = frozenset(verb for verb in VERBS if self.covers(info.id, verb))
        grants = [
            (role, grant, grant.verbs & covered)
            for role in self.roles
            for grant in role.grants
            if grant.entity in (info.id, EVERY_ENTITY)
        ]
        verbs = frozenset[str]().union(*(verbs for _role, _grant, verbs in grants))
        scopes = {verb: VerbScope.union(grant for _r, grant, verbs in grants if verb in verbs) for verb in verbs}
        shared = _BY_SHARE & covered if info.id in self.shared else frozenset[str]()
        readers = [role for role, _grant, verbs in grants if "read" in verbs]
        writers = [role for role, _grant, verbs in grants if verbs & {"update", "create"}]
        readable = _fields_open_to(readers, info.id, names, ("hidden",)) | ALWAYS_READABLE
        # A computed field that needs a hidden one would tell what that holds.
        readable -= {name for name, needs in computed.items() if not readable.issuperset(needs)}
        if "custom" not in readable:
            readable -= frozenset(info.custom)
        writable = readable & _fields_open_to(writers, info.id, names, ("hidden", "read_only"))
        return EntityAccess(scopes, readable, writable, self._restrictions(info), shared)

    def _restrictions(self, info: EntityInfo) -> dict[str, tuple[Rule, ...]]:
        found: dict[str, tuple[Rule, ...]] = {}
        for restriction in self.registry.restrictions.values():
            if restriction.entity == info.id and not restriction.unless & self.role_ids:
                for verb in restriction.verbs:
                    found[verb] = (*found.get(verb, ()), restriction.rule)
        return found


def _fields_open_to(roles: Iterable[Role], entity: str, names: frozenset[str], kinds: Iterable[str]) -> frozenset[str]:
    """Return the fields that at least one of *roles* does not mask with one of *kinds*."""
    found: frozenset[str] = frozenset()
    for role in roles:
        found |= names - _masked(role.masks, entity, kinds)
    return found


def _masked(masks: Iterable[Mask], entity: str, kinds: Iterable[str]) -> frozenset[str]:
    return frozenset[str]().union(*(m.fields for m in masks if m.entity == entity and m.access in kinds))
