"""Values between Python and the driver, cell by cell, without the layers that a SQL type puts around each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.types import TypeEngine

from crmkit.core.fields import Column, Kind
from crmkit.core.storage.columns import Day, Id, JsonText, Moment, uuid_from_bytes

__all__ = ["Codec", "id_decoder", "slot_decoder", "slot_encoder", "type_encoder"]

Codec = Callable[[Any], Any]


def slot_decoder(slot: Column, dialect: str) -> Codec | None:
    """Return what turns the driver's value of *slot* into ours; ``None`` where it already is."""
    if slot.kind == "scaled":
        return _unscaled(slot.scale)
    return _FROM_SQLITE.get(slot.kind) if dialect == "sqlite" else None


def id_decoder(dialect: str) -> Callable[[Any], UUID]:
    """Return what turns the driver's value of an id into a UUID."""
    return _FROM_SQLITE["uuid"] if dialect == "sqlite" else _same


def slot_encoder(slot: Column, dialect: str) -> Codec | None:
    """Return what turns our value of *slot* into the driver's; ``None`` where it already is."""
    if slot.kind == "scaled":
        return _scaled(slot.scale)
    if slot.kind == "json":
        return _json
    return _TO_SQLITE.get(slot.kind) if dialect == "sqlite" else None


def type_encoder(kind: TypeEngine[Any], dialect: str) -> Codec | None:
    """Return what turns a value of a column of the SQL type *kind* into the driver's; ``None`` where it already is."""
    kinds: dict[type[Any], Kind] = {Id: "uuid", Moment: "datetime", Day: "date", JsonText: "json"}
    return slot_encoder(Column("", kinds[type(kind)]), dialect) if type(kind) in kinds else None


def _same(value: Any) -> Any:
    return value


def _unscaled(scale: int) -> Codec:
    return lambda value: Decimal(value).scaleb(-scale)


def _scaled(scale: int) -> Codec:
    return lambda value: int(Decimal(value).scaleb(scale))


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _uuid_bytes(value: UUID) -> bytes:
    return value.int.to_bytes(16, "big")


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds")


_FROM_SQLITE: Mapping[str, Codec] = {
    "uuid": uuid_from_bytes,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "boolean": bool,
    "json": msgspec.json.decode,
}
_TO_SQLITE: Mapping[str, Codec] = {"uuid": _uuid_bytes, "datetime": _moment, "date": date.isoformat}
