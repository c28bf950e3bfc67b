"""Where the definition of a pipeline names fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crmkit.core.migrating.naming import Renaming

__all__ = ["renamed_pipeline"]


def renamed_pipeline(definition: Any, renaming: Renaming) -> Any:
    """Return *definition*, as it is kept of a version, with the field of *renaming* called anew."""
    if not isinstance(definition, Mapping):
        return definition
    entity = definition.get("entity", "")
    stages = [_stage(stage, entity, renaming) for stage in definition.get("stages", ())]
    moves = [_move(move, entity, renaming) for move in definition.get("moves", ())]
    return {**definition, "stages": stages, "moves": moves}


def _stage(stage: Mapping[str, Any], entity: str, renaming: Renaming) -> dict[str, Any]:
    found = dict(stage)
    if "required" in found:
        found["required"] = renaming.names(entity, found["required"])
    if found.get("reasons"):
        found["reasons"] = {**found["reasons"], "field": renaming.name(entity, found["reasons"].get("field"))}
    return found


def _move(move: Mapping[str, Any], entity: str, renaming: Renaming) -> dict[str, Any]:
    found = dict(move)
    if "guards" in found:
        found["guards"] = [_guard(guard, entity, renaming) for guard in found["guards"]]
    if approval := found.get("approval"):
        fields = renaming.names(entity, approval.get("fields", ()))
        found["approval"] = {**approval, "fields": fields, "when": renaming.rule(entity, approval.get("when"))}
    return found


def _guard(guard: Mapping[str, Any], entity: str, renaming: Renaming) -> dict[str, Any]:
    return {**guard, "rule": renaming.rule(entity, guard["rule"])} if guard.get("rule") else dict(guard)
