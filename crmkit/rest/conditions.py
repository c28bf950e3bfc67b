"""Conditions on one field in the query of a list: ``stage=won``, ``amount__gte=1000``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from crmkit.core import fields
from crmkit.core.errors import UnknownFieldError
from crmkit.core.fields import FieldType, Target
from crmkit.core.money import Money
from crmkit.core.policy.rule_sources import FieldScope
from crmkit.core.rules.build import FieldPath
from crmkit.core.rules.rule import Rule
from crmkit.core.text import gettext as _
from crmkit.rest.errors import QueryError

__all__ = ["condition", "moment_in", "truth_in"]


def truth_in(name: str, text: str) -> bool:
    """Return what the value *text* of the parameter *name* spells: ``true`` or ``false``.

    Raises:
        QueryError: it spells neither.
    """
    if text not in ("true", "false"):
        raise QueryError(name, _("true or false"))
    return text == "true"


# The operators of the simple form, behind two underscores.
_OPERATORS: Mapping[str, Callable[[FieldPath, Any], Rule]] = {
    "": lambda field, value: field == value,
    "ne": lambda field, value: field != value,
    "gt": lambda field, value: field > value,
    "gte": lambda field, value: field >= value,
    "lt": lambda field, value: field < value,
    "lte": lambda field, value: field <= value,
    "in": lambda field, values: field.in_(values),
    "contains": lambda field, part: field.contains(part),
    "startswith": lambda field, start: field.starts_with(start),
    "endswith": lambda field, end: field.ends_with(end),
    "isnull": lambda field, truth: field.is_null() if truth else field.is_not_null(),
}


def condition(scope: FieldScope, name: str, text: str) -> Rule:
    """Return the rule that a parameter such as ``amount__gte`` with the value *text* stands for.

    Raises:
        UnknownFieldError: it names no field, or a hidden one.
        QueryError: it names no operator, or the value is none of the field's.
    """
    path, _underscores, operator = name.partition("__")
    parts = tuple(path.split("."))
    kind = _type_at(scope, parts)
    if operator not in _OPERATORS:
        accepted = ", ".join(sorted(set(_OPERATORS) - {""}))
        raise QueryError(
            name[:80], _("there is no operator {operator!r}; known: {known}"), operator=operator[:40], known=accepted
        )
    value: Any
    if operator == "isnull":
        value = truth_in(name, text)
    elif operator == "in":
        value = [_value(name, kind, part) for part in text.split(",")]
    else:
        value = _value(name, kind, text)
    return _OPERATORS[operator](FieldPath(parts), value)


def _type_at(scope: FieldScope, parts: tuple[str, ...]) -> FieldType:
    """Return the type of the field to which *parts* lead."""
    while True:
        # What was made at run time has a name of two parts.
        length = 2 if parts[0] == "custom" else 1
        name, rest = ".".join(parts[:length]), parts[length:]
        if not rest:
            return scope.field(name).type
        if len(rest) == 1 and _is_any_reference(scope, name):
            return fields.File() if rest[0] == "id" else fields.Text()
        try:
            scope = scope.related(name)
        except UnknownFieldError:
            scope = scope.extension(name)
        parts = rest


def _is_any_reference(scope: FieldScope, name: str) -> bool:
    try:
        return isinstance(scope.field(name).type, fields.AnyReference)
    except UnknownFieldError:
        return False


def _value(name: str, kind: FieldType, text: str) -> Any:
    for known, read in _READERS:
        if isinstance(kind, known):
            try:
                return read(text)
            except (ValueError, ArithmeticError):
                raise QueryError(
                    name[:80], _("{value!r} is no {expected}"), value=text[:80], expected=kind.name
                ) from None
    return text


def _integer(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,19}", text):
        raise ValueError(text)
    return int(text)


def _decimal(text: str) -> Decimal:
    if not re.fullmatch(r"[+-]?[0-9]{1,30}(\.[0-9]{1,18})?", text):
        raise ValueError(text)
    return Decimal(text)


def _money(text: str) -> Decimal | Money:
    amount, _space, currency = text.partition(" ")
    return Money.of(_decimal(amount), currency) if currency else _decimal(amount)


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


def moment_in(name: str, text: str) -> datetime:
    """Return the moment that the value *text* of the parameter *name* spells (RFC 3339).

    Raises:
        QueryError: it spells none, or leaves out the zone.
    """
    return _value(name, fields.DateTime(), text)  # type: ignore[no-any-return]


def _moment(text: str) -> datetime:
    # A plus in a query is a space to those who forget to escape it.
    moment = msgspec.convert(text.replace(" ", "+"), datetime)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment


def _target(text: str) -> Target:
    entity, _slash, id_ = text.partition("/")
    return Target(entity, UUID(id_))


_READERS: tuple[tuple[type[FieldType], Callable[[str], Any]], ...] = (
    (fields.Integer, _integer),
    (fields.Decimals, _decimal),
    (fields.MoneyType, _money),
    (fields.Boolean, _boolean),
    (fields.DateTime, _moment),
    (fields.Date, lambda text: msgspec.convert(text, date)),
    (fields.AnyReference, _target),
)
