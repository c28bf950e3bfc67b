"""The order of a list: fields with a direction, the id last, and the cursor that says where a page ended."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import attrs
import msgspec

from crmkit.core.entity import EntityInfo, FieldInfo, computed
from crmkit.core.errors import CrmkitError
from crmkit.core.fields import AnyReference, Column, Json, Kind, MultiChoice
from crmkit.core.policy.rule_sources import FieldScope
from crmkit.core.rules import numbers
from crmkit.core.storage.codecs import slot_decoder
from crmkit.core.text import gettext as _, is_storable

__all__ = [
    "CursorError",
    "Order",
    "OrderError",
    "OrderKey",
    "decode_cursor",
    "encode_cursor",
    "order_decoder",
    "parse_order",
]

_UNSORTABLE = (Json, MultiChoice, AnyReference)


class OrderError(CrmkitError):
    """A list was asked for in an order that cannot be."""

    code = "order"
    template = _("{entity} cannot be ordered by {field!r}: {message}")

    def __init__(self, entity: str, field: str, message: str) -> None:
        """Name the *entity*, the *field* and why."""
        super().__init__(entity=entity, field=field, message=message)


class CursorError(CrmkitError):
    """A cursor that this list did not give out."""

    code = "cursor"
    template = _("This cursor belongs to another list, or was changed. Start again without one.")

    def __init__(self) -> None:
        """There is nothing more to say."""
        super().__init__()


@attrs.frozen
class OrderKey:
    """One field of an order. *plugin* is set for a field of an extension."""

    name: str
    descending: bool
    field: FieldInfo | computed[Any]
    plugin: str | None = None

    @property
    def nullable(self) -> bool:
        """Whether there may be records without a value; they come last in either direction."""
        return self.plugin is not None or not isinstance(self.field, FieldInfo) or self.field.nullable


@attrs.frozen
class Order:
    """The keys of an order and the direction of the id behind them."""

    keys: tuple[OrderKey, ...]
    id_descending: bool

    @property
    def text(self) -> str:
        """The order as it is asked for: ``-amount,name,id``."""
        shown = [("-" if key.descending else "") + key.name for key in self.keys]
        return ",".join([*shown, "-id" if self.id_descending else "id"])


def parse_order(scope: FieldScope, info: EntityInfo, asked: str | Sequence[str] | None) -> Order:
    """Return the order *asked* for: names with ``-`` before those that descend; newest first without any.

    Raises:
        UnknownFieldError: a name is no field, or a hidden one; the words are the same.
        OrderError: the field's values have no order.
    """
    names = [asked] if isinstance(asked, str) else list(asked or ())
    names = [part.strip() for name in names for part in name.split(",") if part.strip()]
    if not names:
        return Order((), id_descending=True)
    keys = [None if name in ("id", "-id") else _key(scope, info, name) for name in names]
    # No two records have one id: what is named behind it decides nothing.
    place = keys.index(None) if None in keys else len(keys) - 1
    return Order(tuple(key for key in keys[: place + 1] if key is not None), names[place].startswith("-"))


def _key(scope: FieldScope, info: EntityInfo, asked: str) -> OrderKey:
    name = asked.removeprefix("-")
    plugin, field = scope.named(name)
    if isinstance(field, FieldInfo) and field.encrypted:
        raise OrderError(info.id, name, _("it is encrypted; order by another field"))
    if isinstance(field.type, _UNSORTABLE):
        raise OrderError(info.id, name, _("its values have no order"))
    return OrderKey(name, asked.startswith("-"), field, plugin)


_KINDS: dict[str, type[Any]] = {
    "u": UUID, "t": datetime, "d": date, "n": Decimal, "s": str, "i": int, "b": bool, "0": type(None)
}  # fmt: skip
_TAG_OF: dict[Kind, str] = {
    "uuid": "u", "datetime": "t", "date": "d", "scaled": "n", "text": "s", "integer": "i", "boolean": "b"
}  # fmt: skip
_ID = Column("", "uuid")


def encode_cursor(order: Order, values: Sequence[Any]) -> str:
    """Return an opaque cursor that marks the record with these *values* of the order's keys, id last."""
    tagged = [next(tag for tag, kind in _KINDS.items() if type(value) is kind) for value in values]
    body = msgspec.json.encode([order.text, "".join(tagged), values])
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


def decode_cursor(order: Order, cursor: str) -> list[Any]:
    """Return the values that :func:`encode_cursor` kept.

    Raises:
        CursorError: it is no cursor of this order.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        text, tags, values = msgspec.json.decode(base64.urlsafe_b64decode(padded))
        if text != order.text or not len(tags) == len(values) == len(order.keys) + 1:
            raise CursorError
        slots = [*(key.field.type.columns()[-1] for key in order.keys), _ID]
        nullable = [*(key.nullable for key in order.keys), False]
        return list(map(_marked, values, tags, slots, nullable))
    except (ValueError, TypeError, OverflowError, msgspec.MsgspecError):
        raise CursorError from None


def _marked(value: Any, tag: str, slot: Column, nullable: bool) -> Any:
    """Return *value* of a cursor as a column like *slot* could hold it.

    Raises:
        CursorError: it could not.
    """
    if tag == "0" and nullable and value is None:
        return None
    if tag != _TAG_OF[slot.kind]:
        raise CursorError
    found = msgspec.convert(value, _KINDS[tag], strict=False)
    if not _fits(found, slot):
        raise CursorError
    return found


def _fits(value: Any, slot: Column) -> bool:
    if isinstance(value, str):
        return is_storable(value)
    if isinstance(value, datetime):
        return value.tzinfo is not None
    if isinstance(value, Decimal):
        return value.is_finite() and numbers.fits(numbers.to_raw(value, slot.scale))
    return not isinstance(value, int) or numbers.fits(value)


def order_decoder(order: Order, dialect: str) -> Callable[[Sequence[Any]], list[Any]]:
    """Return what turns the driver's values of the keys of *order* into ours."""
    decoders = [slot_decoder(key.field.type.columns()[-1], dialect) for key in order.keys]

    def decode(cells: Sequence[Any]) -> list[Any]:
        pairs = zip(cells, decoders, strict=True)
        return [cell if cell is None or known is None else known(cell) for cell, known in pairs]

    return decode
