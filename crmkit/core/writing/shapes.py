"""What the steps of a write need to know of an entity, worked out once instead of for every record."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import attrs

from crmkit.core.entity import SYSTEM_FIELDS, EntityInfo, FieldInfo
from crmkit.core.fields import AnyReference, Json, Number, Reference

__all__ = ["EntityShape", "is_given_by_crmkit", "shape_of"]

_STAGED = {"stage": "move", "pipeline": "move"}
_OWNED = {"owner_id": "transfer", "team_id": "transfer"}
_NOT_IN_LEDGER = frozenset({"id", "version", "created_at", "updated_at", "created_by", "custom"})


@attrs.frozen(eq=False)
class EntityShape:
    """The fields of one entity, sorted by what happens to them when a record is created.

    *moved* maps those that an update may not change to the verb that may. *mutable* are those whose values Python lets
    anybody change.
    """

    settable: tuple[FieldInfo, ...]
    required: tuple[str, ...]
    references: tuple[tuple[str, str], ...]
    any_references: tuple[tuple[str, AnyReference], ...]
    in_ledger: tuple[str, ...]
    moved: Mapping[str, str]
    mutable: tuple[str, ...]


@lru_cache(maxsize=1024)
def shape_of(info: EntityInfo) -> EntityShape:
    """Return the shape of *info*."""
    fields, custom = list(info.fields.values()), info.custom.values()
    settable = [f for f in fields if f.init and f.name not in SYSTEM_FIELDS]
    return EntityShape(
        settable=tuple(settable),
        required=tuple(f.name for f in settable if not f.nullable),
        references=tuple((f.name, f.type.entity) for f in (*fields, *custom) if isinstance(f.type, Reference)),
        any_references=tuple((f.name, f.type) for f in fields if isinstance(f.type, AnyReference)),
        in_ledger=tuple(f.name for f in fields if f.name not in _NOT_IN_LEDGER),
        moved=(_STAGED if info.pipelined else {}) | (_OWNED if info.owned else {}),
        mutable=tuple(f.name for f in fields if isinstance(f.type, Json) and f.name not in SYSTEM_FIELDS),
    )


def is_given_by_crmkit(field: FieldInfo) -> bool:
    """Return whether no caller may ever set *field*."""
    return field.name in SYSTEM_FIELDS or isinstance(field.type, Number) or not field.init
