"""Roles that plugins ship, as the commands of ``crmkit role`` change and show them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from crmkit.cli.session import Session
from crmkit.core.policy.roles import Grant, Mask, Role
from crmkit.core.rules.rule import Rule

__all__ = ["change_shipped", "described", "is_shipped", "with_grant", "with_mask", "without_grants", "without_masks"]

Change = Callable[[Role], Role]


def is_shipped(session: Session, role: str) -> bool:
    """Return whether a plugin ships *role*."""
    return role in session.crm.registry.roles


def change_shipped(session: Session, role: str, change: Change) -> list[dict[str, Any]]:
    """Let the shipped *role* be what *change* makes of it, and return what it grants and hides then.

    Raises:
        ForbiddenError, ValidationError: as for ``edit_role``.
    """
    from crmkit import edit_role, role_in_effect

    with session.writer() as db:
        edit_role(db, change(role_in_effect(db, role)))
        return described(role_in_effect(db, role))


def described(role: Role) -> list[dict[str, Any]]:
    """Return a row for each grant and each masked field of *role*."""
    grants = [
        {
            "kind": "grant",
            "entity": grant.entity,
            "names": " ".join(sorted(grant.verbs)),
            "scope": "rule" if isinstance(grant.scope, Rule) else grant.scope,
            "rule": grant.scope.text if isinstance(grant.scope, Rule) else None,
        }
        for grant in role.grants
    ]
    masks = [
        {"kind": mask.access, "entity": mask.entity, "names": field, "scope": None, "rule": None}
        for mask in role.masks
        for field in sorted(mask.fields)
    ]
    return [*grants, *masks]


def with_grant(grant: Grant) -> Change:
    """Return what adds *grant* to a role."""
    return lambda role: attrs.evolve(role, grants=[*role.grants, grant])


def without_grants(entity: str) -> Change:
    """Return what takes every grant on *entity* from a role."""
    return lambda role: attrs.evolve(role, grants=[grant for grant in role.grants if grant.entity != entity])


def with_mask(mask: Mask) -> Change:
    """Return what adds *mask* to a role, instead of what masks its fields."""
    return lambda role: attrs.evolve(role, masks=[*_without(role, mask.entity, mask.fields), mask])


def without_masks(entity: str, field: str) -> Change:
    """Return what takes every mask on *field* of *entity* from a role."""
    return lambda role: attrs.evolve(role, masks=[*_without(role, entity, frozenset({field}))])


def _without(role: Role, entity: str, fields: frozenset[str]) -> Iterator[Mask]:
    for mask in role.masks:
        left = mask.fields - fields if mask.entity == entity else mask.fields
        if left:
            yield attrs.evolve(mask, fields=left)
