"""What the steps of a write do with the fields that were made at run time: they all stand in one JSON column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from crmkit.core.entity import EntityInfo, is_custom
from crmkit.core.errors import FieldProblem
from crmkit.core.storage.custom import from_json, to_json
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.policy.access import EntityAccess
    from crmkit.core.registry import Registry
    from crmkit.core.writing.changes import Write

__all__ = ["check_custom", "in_ledger", "keep_custom", "know_custom", "stored_custom"]


def know_custom(registry: Registry, writes: Sequence[Write]) -> None:
    """Give *writes*, which were made of classes, the entities of today, and new records their defaults."""
    for write in writes:
        info = write.entity = registry.entities[write.entity.id]
        if info.custom and write.kind == "create":
            for name, field in info.custom.items():
                if field.has_default:
                    write.values.setdefault(name, field.default())


def stored_custom(info: EntityInfo, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the custom fields of a *stored* row, by their whole names."""
    if not info.custom:
        return {}
    kept = stored["custom"]
    return {name: decode(kept.get(slot)) for name, slot, decode, _encode in _codecs(info)}


def keep_custom(write: Write) -> None:
    """Put what *write* says of custom fields into its column, beside what stands there of others."""
    if write.kind == "create":
        kept: dict[str, Any] = {}
    elif any(map(is_custom, write.values)):
        kept = dict(write.stored["custom"])
    else:
        return
    for name, slot, _decode, encode in _codecs(write.entity) if write.entity.custom else ():
        if name in write.values:
            value = encode(write.values[name])
            if value is None:
                kept.pop(slot, None)
            else:
                kept[slot] = value
    write.values["custom"] = kept


def check_custom(write: Write, access: EntityAccess) -> Iterator[FieldProblem]:
    """Yield a problem for each required custom field without a value.

    Records that are older than the field, or than its being required, get one when somebody who may write it next
    changes them.
    """
    if write.kind not in ("create", "update") or (write.kind == "update" and write.trusted):
        return
    for name, field in write.entity.custom.items():
        binds = write.kind == "create" or name in access.writable
        if binds and not field.nullable and write.get(name) is None:
            yield FieldProblem(name, _("a value is required"), "required")


def in_ledger(info: EntityInfo, changes: dict[str, Any]) -> dict[str, Any]:
    """Return *changes* under the names that fields of *info* have in the ledger."""
    if not info.custom:
        return changes
    names = {name: field.ledger_name for name, field in info.custom.items()}
    return {names.get(name, name): change for name, change in changes.items()}


@lru_cache(maxsize=1024)
def _codecs(info: EntityInfo) -> tuple[tuple[str, str, Any, Any], ...]:
    return tuple(
        (name, str(field.slot), from_json(field.type), to_json(field.type)) for name, field in info.custom.items()
    )
