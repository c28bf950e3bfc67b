"""Renaming a field in the text of a rule, and nothing else of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from crmkit.core.entity import EntityInfo
from crmkit.core.fields import Reference
from crmkit.core.registry import Registry
from crmkit.core.rules import ast
from crmkit.core.rules.errors import RuleError
from crmkit.core.rules.parse import parse

__all__ = ["renamed_in_rule"]

Renaming = tuple[str, str, str]


def renamed_in_rule(registry: Registry, text: str, entity: str, renaming: Renaming) -> str:
    """Return the rule *text* on *entity* with the field of *renaming* (its entity, old and new name) called anew.

    Relations are followed, so that the field is found where it stands behind others. What is no rule is returned as
    it is; so is a name that leads nowhere.
    """
    try:
        tree = parse(text)
    except RuleError:
        return text
    starts = [0, *(found.end() for found in re.finditer(r"\r\n|\r|\n", text))]
    found = [place for path in _paths(tree) for place in _places(registry, path, entity, renaming)]
    for (line, column), old, new in sorted(set(found), reverse=True):
        at = starts[line - 1] + column - 1
        text = text[:at] + new + text[at + len(old) :]
    return text


def _paths(node: ast.Node) -> Iterator[ast.Path]:
    if isinstance(node, ast.Path):
        yield node
    children = node.items if isinstance(node, ast.Items) else node.children
    for child in children:
        yield from _paths(child)


def _places(
    registry: Registry, path: ast.Path, entity: str, renaming: Renaming
) -> Iterator[tuple[tuple[int, int], str, str]]:
    """Yield where in *path* the field stands, and the words before and after."""
    target, old, new = renaming
    words = {old: new}
    if old.endswith("_id"):
        words[old.removesuffix("_id")] = new.removesuffix("_id")
    info, inside = registry.entities.get(entity), ""
    for place, part in enumerate(path.parts):
        if info is None:
            return
        name = inside + part
        if info.id == target and name in words:
            yield from _exchanged(path, place, name, words[name])
            name = words[name]
        info, inside = _behind(registry, info, name)


def _exchanged(path: ast.Path, place: int, old: str, new: str) -> Iterator[tuple[tuple[int, int], str, str]]:
    """Yield the words of the name *old*, which ends at *place* in *path*, and what becomes of them."""
    before, after = old.split("."), new.split(".")
    for back, (word, other) in enumerate(zip(reversed(before), reversed(after), strict=True)):
        at = path.place(place - back)
        assert at is not None
        yield (at.line, at.column), word, other


def _behind(registry: Registry, info: EntityInfo, name: str) -> tuple[EntityInfo | None, str]:
    """Return the entity behind *name*, and how the names of its fields begin where one stands in an extension."""
    if name == "custom" or name in registry.extensions.get(info.id, {}):
        return info, f"{name}."
    for known, field in registry.fields(info.id).items():
        leading = (each.removesuffix("_id") for each in (known, *field.former_names(known)))
        if isinstance(field.type, Reference) and name in leading:
            return registry.entities.get(field.type.entity), ""
    return None, ""
