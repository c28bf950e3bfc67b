"""Pipelines as trees: stages by slug, moves by source and target, and the orders of both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from crmkit.core.pipelines import ANY_STAGE
from crmkit.core.shipped.three_way import Difference
from crmkit.core.shipped.trees import ABSENT, Order, Path, Tree, at

__all__ = ["acceptable", "definition_of", "pipeline_tree", "pipeline_waits"]

_ARROW = " → "


def pipeline_tree(definition: Mapping[str, Any]) -> Tree:
    """Return the *definition* of a pipeline, as :func:`~crmkit.core.publishing.written.written_pipeline` writes it.

    Fields that a stage requires, guards and reasons are members of their own, which both sides may change; tasks,
    roles and approvals are compared as a whole, for half of one would let pass what neither side lets.
    """
    stages, moves = definition.get("stages", []), definition.get("moves", [])
    by_slug = {stage["slug"]: _stage(stage) for stage in stages}
    by_ends = {f"{move['source']}{_ARROW}{move['target']}": _move(move) for move in moves}
    return {
        "label": definition.get("label"),
        "stages": by_slug,
        "order": Order(by_slug),
        "moves": by_ends,
        "order of moves": Order(by_ends),
    }


def _stage(stage: Mapping[str, Any]) -> Tree:
    tree = {name: value for name, value in stage.items() if name not in ("slug", "required", "reasons")}
    tree["required"] = dict.fromkeys(stage.get("required", ()), True)
    if reasons := stage.get("reasons"):
        options = {option["slug"]: option["label"] for option in reasons.get("options", ())}
        tree["reasons"] = {**reasons, "options": options}
    return tree


def _move(move: Mapping[str, Any]) -> Tree:
    tree = {name: value for name, value in move.items() if name not in ("source", "target", "guards")}
    guards = [pair for guard in move.get("guards", ()) for pair in guard.items()]
    guards = [pair for guard in move.get("guards", ()) for pair in guard.items()]
    tree["guards"] = {f"{kind}: {guard}": {kind: guard} for kind, guard in guards}
    return tree


def definition_of(tree: Tree, pattern: Mapping[str, Any]) -> dict[str, Any]:
    """Return the definition that *tree* is; what is in no tree is taken from *pattern*."""
    stages: list[Tree] = []
    for slug, members in _ordered(tree, "stages", "order"):
        stage = {**members, "slug": slug, "required": list(members.get("required", ()))}
        if reasons := stage.get("reasons"):
            options = [{"slug": option, "label": label} for option, label in reasons.get("options", {}).items()]
            stage["reasons"] = {**reasons, "options": options}
        stages.append(stage)
    moves: list[Tree] = []
    for key, members in _ordered(tree, "moves", "order of moves"):
        source, target = key.split(_ARROW)
        guards = list(members.get("guards", {}).values())
        moves.append({**members, "source": source, "target": target, "guards": guards})
    return {**pattern, "label": tree["label"], "stages": stages, "moves": moves}


def _ordered(tree: Tree, part: str, order: str) -> Iterator[tuple[str, Any]]:
    members = tree.get(part, {})
    yield from ((key, members[key]) for key in dict.fromkeys([*tree.get(order, ()), *members]) if key in members)


def pipeline_waits(_path: Path, _local: Any, _upstream: Any) -> bool:
    """Return true: records pin the version that they have entered, so a change is a version that somebody publishes."""
    return True


def acceptable(local: Tree, differences: Iterable[Difference]) -> list[Difference]:
    """Return those of *differences* that can all be accepted, for none of which a move would lack its stage.

    A stage that is shipped no more stays while a move leads there that was made here. A move that is shipped anew
    does not come while it leads to a stage that was removed here.
    """
    asked = list(differences)
    stages, moves = (_after(local, asked, part) for part in ("stages", "moves"))
    needed = {slug for key in moves for slug in key.split(_ARROW)} - {ANY_STAGE}
    missing = needed - stages
    return [difference for difference in asked if not _hinders(difference, local, missing)]


def _after(local: Tree, differences: Iterable[Difference], part: str) -> set[str]:
    found = set(local[part])
    for difference in differences:
        if len(difference.path) == 2 and difference.path[0] == part:
            (found.discard if difference.theirs is ABSENT else found.add)(difference.path[1])
    return found


def _hinders(difference: Difference, local: Tree, missing: set[str]) -> bool:
    match difference.path:
        case ("stages", slug):
            return slug in missing and difference.theirs is ABSENT
        case ("moves", key):
            gone = {slug for slug in missing if at(local, ("stages", slug)) is ABSENT}
            return difference.theirs is not ABSENT and bool(gone & set(key.split(_ARROW)))
    return False
