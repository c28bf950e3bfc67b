"""SQL types and columns: how the value of a field is kept on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, SafeUUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from crmkit.core.fields import Column as Slot

__all__ = ["Day", "Id", "JsonText", "Moment", "ScaledInteger", "sql_type", "uuid_from_bytes"]

_new = object.__new__
# The slots of UUID, written directly: its constructor checks what the database already guarantees.
_set_int: Callable[[UUID, int], None] = vars(UUID)["int"].__set__
_set_safe: Callable[[UUID, SafeUUID], None] = vars(UUID)["is_safe"].__set__
_from_bytes = int.from_bytes
_UNKNOWN = SafeUUID.unknown


def uuid_from_bytes(data: bytes) -> UUID:
    """Return the UUID of sixteen bytes, several times faster than ``UUID(bytes=…)``."""
    made = _new(UUID)
    _set_int(made, _from_bytes(data, "big"))
    _set_safe(made, _UNKNOWN)
    return made


class Id(TypeDecorator[UUID]):
    """A record id: sixteen bytes on SQLite, ``uuid`` on PostgreSQL."""

    impl = sa.LargeBinary(16)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the native type."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.UUID(as_uuid=True))
        return dialect.type_descriptor(sa.LargeBinary(16))

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> Any:
        """Return bytes for SQLite."""
        if value is None or dialect.name == "postgresql":
            return value
        return value.bytes

    def process_result_value(self, value: Any, dialect: Dialect) -> UUID | None:
        """Return the UUID."""
        if value is None or isinstance(value, UUID):
            return value
        return uuid_from_bytes(value)


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime: fixed-width ISO text on SQLite, ``timestamptz`` on PostgreSQL."""

    impl = sa.String(32)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the native type."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.TIMESTAMP(timezone=True))
        return dialect.type_descriptor(sa.String(32))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Return ISO text for SQLite; its order is the order of time."""
        if value is None or dialect.name == "postgresql":
            return value
        return value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return the datetime in UTC."""
        if value is None:
            return None
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        return datetime.fromisoformat(value)


class Day(TypeDecorator[date]):
    """A calendar day: ISO text on SQLite, ``date`` on PostgreSQL."""

    impl = sa.String(10)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the native type."""
        return dialect.type_descriptor(sa.Date() if dialect.name == "postgresql" else sa.String(10))

    def process_bind_param(self, value: date | None, dialect: Dialect) -> Any:
        """Return ISO text for SQLite."""
        if value is None or dialect.name == "postgresql":
            return value
        return value.isoformat()

    def process_result_value(self, value: Any, dialect: Dialect) -> date | None:
        """Return the date."""
        if value is None or isinstance(value, date):
            return value
        return date.fromisoformat(value)


class ScaledInteger(TypeDecorator[Decimal]):
    """An exact decimal kept as an integer of ``value * 10 ** scale``; sums stay exact on every database."""

    impl = sa.BigInteger
    cache_ok = True

    def __init__(self, scale: int = 4) -> None:
        """Keep *scale* digits after the point."""
        super().__init__()
        self.scale = scale

    def process_bind_param(self, value: Decimal | int | None, dialect: Dialect) -> Any:
        """Return the scaled integer."""
        return None if value is None else int(Decimal(value).scaleb(self.scale))

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Return the decimal, also of what PostgreSQL gives for a sum."""
        return None if value is None else Decimal(value).scaleb(-self.scale)


class JsonText(TypeDecorator[Any]):
    """JSON: text on SQLite, ``jsonb`` on PostgreSQL. ``None`` is SQL NULL."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the native type."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.JSONB(none_as_null=True))
        return dialect.type_descriptor(sa.Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Return JSON text for SQLite."""
        if value is None or dialect.name == "postgresql":
            return value
        return msgspec.json.encode(value).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return the decoded value."""
        return msgspec.json.decode(value) if isinstance(value, str) and dialect.name != "postgresql" else value


def sql_type(slot: Slot) -> TypeEngine[Any]:
    """Return the SQL type in which *slot* is kept. Text compares by code point on every database."""
    match slot.kind:
        case "text":
            plain = sa.String(slot.length) if slot.length and slot.length <= 2000 else sa.Text()
            there = sa.Text(collation="C") if isinstance(plain, sa.Text) else sa.String(plain.length, collation="C")
            return plain.with_variant(there, "postgresql")
        case "integer":
            return sa.BigInteger()
        case "scaled":
            return ScaledInteger(slot.scale)
        case "boolean":
            return sa.Boolean()
        case "date":
            return Day()
        case "datetime":
            return Moment()
        case "uuid":
            return Id()
        case "json":
            return JsonText()
        case "sealed" | "token":
            return sql_type(Slot("", "text", slot.length))
