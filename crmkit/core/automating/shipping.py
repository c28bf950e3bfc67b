"""Automations as shipped things: what plugins ship of them, and what waits until somebody accepts it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crmkit.core.automating.entities import AutomationRecord
from crmkit.core.automating.keeping import stored_values
from crmkit.core.entity import entity_info
from crmkit.core.shipped.records import RecordKind
from crmkit.core.storage.custom import to_json

if TYPE_CHECKING:
    from crmkit.core.model import Model

__all__ = ["SHIPPED_AUTOMATIONS"]

_FIELDS = ("entity", "trigger", "condition", "actions", "is_active", "runs_as_id", "position", "note")
_DOES = frozenset({"entity", "trigger", "condition", "actions"})


def _shipped(model: Model) -> Mapping[str, Mapping[str, Any]]:
    fields = entity_info(AutomationRecord).fields
    return {
        id_: {name: to_json(fields[name].type)(value) for name, value in stored_values(automation).items()}
        for id_, automation in model.shipped_automations.items()
    }


def _waits(local: Mapping[str, Any], field: str) -> bool:
    """Return whether it would act otherwise than was seen by whoever let it act as somebody."""
    return local.get("runs_as_id") is not None and field in _DOES


SHIPPED_AUTOMATIONS = RecordKind("automation", "core.automation", _FIELDS, _shipped, key="name", waits=_waits)
