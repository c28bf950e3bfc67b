"""Roles as trees: what they may do by entity and verb, what is hidden from them by entity and field."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from crmkit.core.errors import CrmkitError
from crmkit.core.policy.roles import SCOPES, Grant, Mask, Role, Scope
from crmkit.core.rules.rule import Rule
from crmkit.core.shipped.three_way import Forms, merge
from crmkit.core.shipped.trees import ABSENT, Path, Tree, at, members
from crmkit.core.text import Text

__all__ = ["grants_of", "masks_of", "merged_role", "renamed_in_role", "role_of", "role_tree", "role_waits"]

_RULE = "rule: "
_STRICTNESS = {"read_only": 1, "hidden": 2}


def role_tree(role: Role) -> Tree:
    """Return *role* as a tree of its label, its ``grants`` and its ``masks``.

    A grant is the list of scopes of one verb on one entity, such as ``sales.deal update: [own]``; a mask is one field
    of one entity, such as ``sales.deal amount: hidden``.
    """
    grants: dict[str, set[str]] = {}
    for grant in role.grants:
        for verb in grant.verbs:
            grants.setdefault(f"{grant.entity} {verb}", set()).add(_written(grant.scope))
    masks: dict[str, str] = {}
    for mask in role.masks:
        for field in mask.fields:
            key = f"{mask.entity} {field}"
            masks[key] = max(mask.access, masks.get(key, mask.access), key=lambda access: _STRICTNESS[access])
    written = {key: sorted(scopes) for key, scopes in sorted(grants.items())}
    return {"label": str(role.label), "grants": written, "masks": dict(sorted(masks.items()))}


def role_of(shipped: Role, tree: Mapping[str, Any]) -> Role:
    """Return the role that *tree* is, with the id of *shipped*; grants and masks that make no sense are left out."""
    label = shipped.label if tree.get("label") == str(shipped.label) else Text(str(tree.get("label")))
    verbs: dict[tuple[str, Any], frozenset[str]] = {}
    for _key, grant in grants_of(tree):
        if isinstance(grant, Grant):
            where = (grant.entity, grant.scope)
            verbs[where] = verbs.get(where, frozenset()) | grant.verbs
    grants = [Grant(entity, found, scope) for (entity, scope), found in verbs.items()]
    masks = [mask for _key, mask in masks_of(tree) if mask is not None]
    # The order in which a database keeps the members of JSON is its own.
    return Role(shipped.id, label, sorted(grants, key=_place), sorted(masks, key=lambda m: (m.entity, *m.fields)))


def _place(grant: Grant) -> tuple[str, str]:
    return grant.entity, _written(grant.scope)


def _written(scope: Scope) -> str:
    return _RULE + scope.text if isinstance(scope, Rule) else scope


def grants_of(tree: Mapping[str, Any]) -> Iterator[tuple[str, Grant | CrmkitError | None]]:
    """Yield each grant of *tree* with its key; an error instead of one that cannot be, ``None`` where none is meant."""
    for key, scopes in _members(tree, "grants"):
        entity, _space, verb = key.partition(" ")
        for scope in scopes if isinstance(scopes, list | tuple) and scopes else [None]:
            try:
                yield key, Grant(entity, verb, scope.removeprefix(_RULE)) if isinstance(scope, str) else None
            except CrmkitError as error:
                yield key, error


def masks_of(tree: Mapping[str, Any]) -> Iterator[tuple[str, Mask | None]]:
    """Yield each mask of *tree* with its key; ``None`` where none is meant."""
    for key, access in _members(tree, "masks"):
        entity, _space, field = key.partition(" ")
        yield key, Mask(entity, field, access) if access in ("hidden", "read_only") else None


def _members(tree: Mapping[str, Any], name: str) -> Iterator[tuple[str, Any]]:
    members = tree.get(name)
    yield from members.items() if isinstance(members, Mapping) else ()


def role_waits(path: Path, local: Any, upstream: Any) -> bool:
    """Return whether what a plugin changes at *path* would let a role do more than it may here.

    Scopes are compared by their rung of the ladder; a rule is within ``all``, and nothing else is known of it.
    """
    match path[0]:
        case "grants":
            return upstream is not ABSENT and not all(_covers(local, scope) for scope in upstream)
        case "masks":
            return _STRICTNESS.get(upstream, 0) < _STRICTNESS.get(local, 0)
    return False


def _covers(local: Any, scope: str) -> bool:
    held = [] if local is ABSENT else list(local)
    if scope in held or "all" in held:
        return True
    rungs = [SCOPES.index(each) for each in held if each in SCOPES]
    return scope in SCOPES and SCOPES.index(scope) <= max(rungs, default=-1)


def merged_role(shipped: Role, base: Any, local: Any) -> Role:
    """Return *shipped* with what is edited here: no more than *local* grants, whatever a plugin ships meanwhile.

    What cannot be read grants nothing.
    """
    if not isinstance(base, Mapping) or not isinstance(local, Mapping):
        return Role(shipped.id, shipped.label)
    if not all(isinstance(at(local, (part,)), Mapping) for part in ("grants", "masks")):
        return Role(shipped.id, shipped.label)
    merged = merge(Forms(dict(base), dict(local)), role_tree(shipped), role_waits)
    return role_of(shipped, members(merged.tree))


def renamed_in_role(
    tree: Any, renaming: tuple[str, str, str], in_rule: Callable[[str, str, tuple[str, str, str]], str]
) -> Any:
    """Return *tree* with the field of *renaming* (its entity, old and new name) called anew in masks and rules."""
    if not isinstance(tree, Mapping):
        return tree
    entity, old, new = renaming
    grants = {key: _renamed_scopes(key, scopes, renaming, in_rule) for key, scopes in _members(tree, "grants")}
    masks = {f"{entity} {new}" if key == f"{entity} {old}" else key: mask for key, mask in _members(tree, "masks")}
    return {**tree, "grants": grants, "masks": masks}


def _renamed_scopes(key: str, scopes: Any, renaming: tuple[str, str, str], in_rule: Callable[..., str]) -> Any:
    entity = key.partition(" ")[0]
    return sorted(
        _RULE + in_rule(scope.removeprefix(_RULE), entity, renaming) if scope.startswith(_RULE) else scope
        for scope in scopes
    )
