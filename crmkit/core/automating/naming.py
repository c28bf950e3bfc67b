"""Where an automation names fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crmkit.core.migrating.naming import Renaming

__all__ = ["renamed_automation"]


def renamed_automation(values: Mapping[str, Any], renaming: Renaming) -> dict[str, Any]:
    """Return *values* of a ``core.automation`` with the field of *renaming* called anew."""
    entity, renamed = values.get("entity"), dict(values)
    if not isinstance(entity, str):
        return renamed
    if isinstance(trigger := values.get("trigger"), Mapping):
        renamed["trigger"] = _trigger(trigger, entity, renaming)
    if isinstance(actions := values.get("actions"), list | tuple):
        renamed["actions"] = [_step(step, entity, renaming) if isinstance(step, Mapping) else step for step in actions]
    if "condition" in values:
        renamed["condition"] = renaming.rule(entity, values["condition"])
    return renamed


def _trigger(trigger: Mapping[str, Any], entity: str, renaming: Renaming) -> dict[str, Any]:
    found = dict(trigger)
    if "changes" in found:
        found["changes"] = renaming.names(entity, found["changes"])
    if "at" in found:
        found["at"] = renaming.name(entity, found["at"])
    return found


def _step(step: Mapping[str, Any], entity: str, renaming: Renaming) -> dict[str, Any]:
    found = dict(step)
    match step.get("do"):
        case "set" | "create":
            written = step.get("entity", entity)
            values = {key: renaming.value(entity, value) for key, value in step.get("values", {}).items()}
            found["values"] = renaming.keys(written, values)
        case "run":
            given = step.get("arguments", {})
            found["arguments"] = {key: renaming.value(entity, value) for key, value in given.items()}
        case "assign":
            found["to"] = _way(step.get("to", {}), entity, renaming)
    return found


def _way(way: Mapping[str, Any], entity: str, renaming: Renaming) -> dict[str, Any]:
    found = dict(way)
    if "where" in found:
        found["where"] = renaming.rule("core.user", found["where"])
    if "open" in found:
        found["open"] = renaming.rule(entity, found["open"])
    if "choices" in found:
        found["choices"] = [{**case, "when": renaming.rule(entity, case.get("when"))} for case in found["choices"]]
    return found
