"""Values as JSON has them, and back: exact numbers, ids and times as texts, money and targets as objects."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

import attrs
import msgspec

from crmkit.core import fields
from crmkit.core.entity import Record, loaded_values
from crmkit.core.errors import CrmkitError
from crmkit.core.fields import FieldType, Refused, Target
from crmkit.core.fields.base import shortened
from crmkit.core.money import Money
from crmkit.core.text import Text, gettext as _, translate

__all__ = ["decimal_of", "from_plain", "pairs", "plain", "plain_money", "plain_target"]

# Most of what there is, and what no pattern needs to be tried on.
_ALREADY = frozenset((str, int, bool, float, type(None)))


def plain(value: Any) -> Any:
    """Return *value* as JSON knows it: decimals and ids as texts, times as in RFC 3339, records as objects.

    Raises:
        TypeError: it has no form in JSON.
    """
    if type(value) in _ALREADY:
        return value
    match value:
        case Text():
            return translate(value)
        case Enum():
            return plain(value.value)
        case None | bool() | int() | float() | str():
            return value
        case Decimal():
            return format(value, "f")
        case datetime() | date():
            return msgspec.to_builtins(value)
        case UUID() | Path():
            return str(value)
        case Money():
            return plain_money(value)
        case Target():
            return plain(plain_target(value))
        case list() | tuple() | set() | frozenset():
            return [plain(part) for part in (sorted(value) if isinstance(value, (set, frozenset)) else value)]
    return {str(name): plain(part) for name, part in pairs(value)}


def plain_money(money: Money) -> dict[str, str]:
    """Return *money* as its amount, a decimal text, and its currency."""
    return {"amount": format(money.amount, "f"), "currency": money.currency}


def plain_target(target: Target) -> dict[str, Any]:
    """Return *target* as the entity and the id."""
    return {"entity": target.entity, "id": target.id}


def pairs(value: Any) -> list[tuple[Any, Any]]:
    """Return the names and values of *value*, a mapping, a record, or an instance of any other attrs class.

    Raises:
        TypeError: it is something else.
    """
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, Record):
        return list(loaded_values(value).items())
    if not attrs.has(type(value)):
        raise TypeError(f"{type(value).__name__} cannot be shown")
    return [(field.name, getattr(value, field.name)) for field in attrs.fields(type(value))]


def from_plain(type: FieldType, plain: Any) -> Any:
    """Return the value of *type* that *plain*, a value of JSON, stands for.

    Raises:
        Refused: it stands for none.
    """
    if plain is None:
        return None
    try:
        return type.normalise(_native(type, plain))
    except Refused:
        raise
    except CrmkitError as error:
        raise Refused(_("{reason}"), reason=str(error)) from None
    except (ValueError, TypeError):
        raise Refused(_("expected {expected}, got {value!r}"), expected=type.name, value=shortened(plain)) from None


def _native(type: FieldType, plain: Any) -> Any:
    match type:
        case fields.Decimals():
            return decimal_of(plain)
        case fields.DateTime():
            return msgspec.convert(plain, datetime)
        case fields.Date():
            return msgspec.convert(plain, date)
        case fields.MoneyType():
            amount, currency = _parts(plain, "amount", "currency")
            return Money.of(decimal_of(amount), currency)
        case fields.AnyReference():
            entity, id_ = _parts(plain, "entity", "id")
            return Target(msgspec.convert(entity, str), msgspec.convert(id_, UUID))
        case _ if type.python is UUID:
            return msgspec.convert(plain, UUID)
    return plain


def decimal_of(plain: Any) -> Decimal:
    """Return the number that *plain*, a text or a whole number, spells.

    Raises:
        Refused: it is another value, such as a float, which is not exact.
    """
    if isinstance(plain, bool | float):
        raise Refused(_("expected {expected}, got {value!r}"), expected="text such as 12.50", value=shortened(plain))
    try:
        return Decimal(plain)
    except (InvalidOperation, ValueError, TypeError):
        raise Refused(_("{value} is no number"), value=shortened(plain)) from None


def _parts(plain: Any, *names: str) -> list[Any]:
    """Return the values of an object that has exactly *names*."""
    if not isinstance(plain, Mapping) or {*plain} != {*names}:
        expected = f"{{{', '.join(names)}}}"
        raise Refused(_("expected {expected}, got {value!r}"), expected=expected, value=shortened(plain))
    return [plain[name] for name in names]
