"""What people may do at one moment of a simulation: their accesses, and in which way two of them differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from crmkit.core.entity import EntityInfo
from crmkit.core.policy.access import ALWAYS_READABLE, Access, EntityAccess, VerbScope
from crmkit.core.policy.roles import VERBS
from crmkit.core.simulating.simulation import FieldShift, ScopeShift

__all__ = ["Standing", "differs", "field_shift", "scope_shifts"]

# Each person's access, or nothing for who may not act.
Standing = Mapping[UUID, Access | None]


def differs(before: Access | None, after: Access | None) -> bool:
    """Return whether two accesses of one person can see or do different things."""
    return bool(_parts(before) != _parts(after))


def _parts(access: Access | None) -> Any:
    if access is None:
        return None
    limits = tuple(access.registry.restrictions.items())
    return access.roles, access.home_team, access.teams, access.subtree, access.shared, access.time_zone, limits


def _of(access: Access | None, info: EntityInfo) -> EntityAccess:
    if access is None:
        return EntityAccess({}, frozenset(), frozenset(), {}, shared=frozenset())
    return access.entity(info)


def field_shift(
    user: UUID, info: EntityInfo, before: Access | None, after: Access | None, known: frozenset[str]
) -> FieldShift | None:
    """Return how the fields of *info* change for *user*, but for those that are not *known* to the asker.

    The id and the version are everybody's, and no news.
    """
    one, other = _of(before, info), _of(after, info)
    shifts = (
        other.readable - one.readable,
        one.readable - other.readable,
        other.writable - one.writable,
        one.writable - other.writable,
    )
    told = [tuple(sorted((names & known) - ALWAYS_READABLE)) for names in shifts]
    return FieldShift(user, info.id, *told) if any(told) else None


def scope_shifts(user: UUID, info: EntityInfo, before: Access | None, after: Access | None) -> Iterator[ScopeShift]:
    """Yield the verbs that *user* may do in another scope than before."""
    one, other = _of(before, info), _of(after, info)
    for verb in VERBS:
        if one.scope(verb) != other.scope(verb):
            yield ScopeShift(user, info.id, verb, _name(one.scope(verb)), _name(other.scope(verb)))


def _name(scope: VerbScope) -> str | None:
    return " + ".join([*([scope.level] if scope.level else []), *(["rule"] if scope.rules else [])]) or None
