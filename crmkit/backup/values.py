"""Values in a backup: the same whatever database they come from, and whatever database they go to.

| Kind | In the backup |
|-|-|
| ``id`` | its sixteen bytes |
| ``moment`` | ISO text in UTC, with microseconds |
| ``day`` | ISO text |
| ``json`` | JSON text with sorted keys |
| ``text``, ``integer``, ``boolean``, ``binary`` | themselves; exact decimals and money are integers |
| ``raw`` | what SQLite keeps of a column that no plugin here declares |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from crmkit.core.storage.columns import Day, Id, JsonText, Moment, ScaledInteger, uuid_from_bytes
from crmkit.core.storage.sealing import Token

__all__ = ["TYPES", "decoder", "encoder", "kind_of"]

Convert = Callable[[Any], Any]

#: The SQL type that a column of each kind is given to the database as.
TYPES: Mapping[str, TypeEngine[Any]] = {
    "id": Id(),
    "moment": Moment(),
    "day": Day(),
    "json": JsonText(),
    "text": sa.Text(),
    "integer": sa.BigInteger(),
    "boolean": sa.Boolean(),
    "binary": sa.LargeBinary(),
    "raw": sa.types.NullType(),
}
_KINDS: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (Id, "id"),
    (Moment, "moment"),
    (Day, "day"),
    (JsonText, "json"),
    (ScaledInteger, "integer"),
    (sa.Uuid, "id"),
    (sa.DateTime, "moment"),
    (sa.Date, "day"),
    (postgresql.JSONB, "json"),
    (sa.Boolean, "boolean"),
    (sa.Integer, "integer"),
    (sa.LargeBinary, "binary"),
    (sa.String, "text"),
    (Token, "text"),
)


def kind_of(type_: TypeEngine[Any]) -> str | None:
    """Return the kind of a column of *type_*; ``None`` if backups do not know it."""
    return next((kind for known, kind in _KINDS if isinstance(type_, known)), None)


def encoder(kind: str, dialect: str) -> Convert | None:
    """Return what turns the driver's value into that of a backup; ``None`` where it already is."""
    if kind == "json":
        return _sorted_json
    return (_FROM_SQLITE if dialect == "sqlite" else _FROM_POSTGRESQL).get(kind)


def decoder(kind: str, dialect: str) -> Convert | None:
    """Return what turns a value of a backup into the driver's; ``None`` where it already is."""
    return None if dialect == "sqlite" else _TO_POSTGRESQL.get(kind)


def _sorted_json(text: str) -> str:
    # Most records have no value of their own making.
    return text if text == "{}" else msgspec.json.encode(msgspec.json.decode(text), order="sorted").decode()


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds")


_FROM_SQLITE: Mapping[str, Convert] = {"boolean": lambda value: bool(value) if value in (0, 1) else value}
_FROM_POSTGRESQL: Mapping[str, Convert] = {
    "id": lambda value: value.bytes,
    "moment": _moment,
    "day": date.isoformat,
    "binary": bytes,
}
_TO_POSTGRESQL: Mapping[str, Convert] = {
    "id": uuid_from_bytes,
    "moment": datetime.fromisoformat,
    "day": date.fromisoformat,
}
