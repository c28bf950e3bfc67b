"""What a record that has to stay keeps when the person that it tells of is erased."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from crmkit.core.entity import EntityInfo, FieldInfo
from crmkit.core.fields import (
    AnyReference,
    Boolean,
    Choice,
    Column,
    Email,
    MoneyType,
    MultiChoice,
    Number,
    PlainEmail,
    Reference,
)
from crmkit.core.money import Money

__all__ = ["emptied_custom", "emptied_fields", "emptied_value", "emptied_values"]

ERASED_TEXT = "erased"
_LONG_AGO = date(1900, 1, 1)
_NOTHING: dict[str, Any] = {
    "integer": 0,
    "scaled": Decimal(0),
    "boolean": False,
    "date": _LONG_AGO,
    "datetime": datetime(1900, 1, 1, tzinfo=UTC),
    "uuid": UUID(int=0),
    "json": {},
}
_STAGED = frozenset({"pipeline", "stage"})


def emptied_fields(info: EntityInfo, *, only_personal: bool) -> Iterator[FieldInfo]:
    """Yield the fields of *info* that lose their value.

    A record that is kept for a reason of its own loses what is declared as personal. What only stays because others
    refer to it loses all that is no structure: references, stages, human numbers and choices tell of nobody.
    """
    yield from (field for field in info.fields.values() if _is_emptied(info, field, only_personal=only_personal))


def _is_emptied(info: EntityInfo, field: FieldInfo, *, only_personal: bool) -> bool:
    if field.personal or only_personal:
        return field.personal and field.kept is None
    return not (field.is_system or _is_structure(info, field))


def _is_structure(info: EntityInfo, field: FieldInfo) -> bool:
    if info.pipelined and field.name in _STAGED:
        return True
    return field.kept is not None or isinstance(field.type, Reference | AnyReference | Number | Choice | Boolean)


def emptied_value(field: FieldInfo, record: UUID, currency: str) -> Any:
    """Return what *field* holds afterwards: nothing, its default, or where it needs a value, an empty one."""
    if field.nullable:
        return None
    return field.default() if field.has_default else field.type.join(tuple(_empty(field, record, currency)))


def emptied_values(field: FieldInfo, record: UUID, currency: str) -> dict[str, Any]:
    """Return by column what :func:`emptied_value` is."""
    columns = field.type.columns()
    if field.nullable:
        parts: tuple[Any, ...] = (None,) * len(columns)
    elif field.has_default:
        parts = tuple(field.type.split(field.default()))
    else:
        parts = tuple(_empty(field, record, currency))
    values = {field.name + slot.suffix: part for slot, part in zip(columns, parts, strict=True)}
    if isinstance(field.type, MoneyType):
        values[f"{field.name}_base"] = None if field.nullable else 0
    return values


def _empty(field: FieldInfo, record: UUID, currency: str) -> Iterator[Any]:
    if isinstance(field.type, MoneyType):
        yield from field.type.split(Money(0, currency))
    elif isinstance(field.type, Email | PlainEmail):
        yield f"{record.hex}@erased.invalid"
    elif isinstance(field.type, Choice):
        first = field.type.slugs[0]
        yield from field.type.split((first,) if isinstance(field.type, MultiChoice) else first)
    else:
        yield from (_empty_slot(field, slot, record) for slot in field.type.columns())


def _empty_slot(field: FieldInfo, slot: Column, record: UUID) -> Any:
    if slot.kind != "text":
        return _NOTHING[slot.kind]
    text = f"{ERASED_TEXT}-{record.hex}" if field.unique else ERASED_TEXT
    return text[: slot.length]


def emptied_custom(info: EntityInfo, custom: dict[str, Any], *, only_personal: bool) -> dict[str, Any]:
    """Return what stays of the *custom* values of a record: of slots that no field has any more, nothing."""
    if not only_personal:
        return {}
    kept = {field.slot for field in info.custom.values() if not field.personal or field.kept is not None}
    return {slot: value for slot, value in custom.items() if slot in kept}
