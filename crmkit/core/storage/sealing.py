"""Encrypted fields in the database: what seals, opens and finds the values of one field."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from crmkit.core.encryption.keyring import Keyring
from crmkit.core.entity import EntityInfo, FieldInfo
from crmkit.core.fields import Column
from crmkit.core.storage.columns import sql_type
from crmkit.core.storage.custom import from_json, to_json

__all__ = ["Token", "bound_values", "opener_of", "place_of", "sealer_of", "token_of"]


def place_of(info: EntityInfo, field: FieldInfo) -> str:
    """Return what a value of *field* is bound to beside its record; renaming the field does not change it."""
    return f"{info.table}\x1f{field.former[0] if field.former else field.name}"


def sealer_of(keys: Keyring, info: EntityInfo, field: FieldInfo) -> Callable[[Any, UUID], str]:
    """Return what turns a value of *field* and the id of its record into what the database keeps."""
    seal, encode = keys.sealer(place_of(info, field)), to_json(field.type)
    return lambda value, record: seal(encode(value), record)


def opener_of(keys: Keyring, info: EntityInfo, field: FieldInfo) -> Callable[[str, UUID], Any]:
    """Return what turns what the database keeps of *field*, and the id of the record, into the value."""
    open_, decode = keys.opener(place_of(info, field)), from_json(field.type)
    return lambda sealed, record: decode(open_(sealed, record))


def token_of(keys: Keyring, info: EntityInfo, field: FieldInfo) -> Callable[[Any], str]:
    """Return what turns a value of *field* into the token that its blind index keeps."""
    made, encode = keys.tokens(place_of(info, field)), to_json(field.type)
    return lambda value: made(encode(value))


def bound_values(keys: Keyring, info: EntityInfo, field: FieldInfo, value: Any, record: UUID) -> dict[str, Any]:
    """Return by column what is bound where *field* of *record* gets *value*; that of the blind index makes a token."""
    sealed = None if value is None else sealer_of(keys, info, field)(value, record)
    columns = [field.name + slot.suffix for slot in field.columns()]
    return dict(zip(columns, (sealed, to_json(field.type)(value)), strict=False))


class Token(TypeDecorator[Any]):
    """The column of a blind index. What is compared with it, as other columns would keep it, is bound as its token."""

    impl = sa.String
    cache_ok = True

    def __init__(self, keys: Keyring, place: str, length: int | None) -> None:
        """Make tokens as the field at *place* does."""
        super().__init__(length)
        self.keys, self.place, self.length = keys, place, length
        self._made = keys.tokens(place)

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the native type."""
        return dialect.type_descriptor(sql_type(Column("", "text", length=self.length)))

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Return the token."""
        if isinstance(value, datetime):
            value = value.astimezone(UTC).isoformat(timespec="microseconds")
        elif isinstance(value, date):
            value = value.isoformat()
        return None if value is None else self._made(value)
