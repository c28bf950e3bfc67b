"""The query of a list: rules, the simple form of conditions, an order, and what is shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache, reduce
from operator import and_
from typing import Any
from uuid import UUID

import attrs
import msgspec

from crmkit.core import fields
from crmkit.core.entity import EntityInfo
from crmkit.core.errors import UnknownFieldError
from crmkit.core.fields import FieldType, Target
from crmkit.core.money import Money
from crmkit.core.policy.rule_sources import FieldScope
from crmkit.core.reading.reader import Reader
from crmkit.core.rules.build import FieldPath
from crmkit.core.rules.rule import Rule
from crmkit.core.text import gettext as _
from crmkit.rest.errors import QueryError

__all__ = ["EVERYTHING", "MOST", "ListQuery", "Shown", "moment_in", "names_in", "sorted_out"]

#: How many records one page has at most, and how many unless the query says so.
MOST = 200
_USUAL = 50
_parse = lru_cache(maxsize=1024)(Rule.parse)


@attrs.frozen
class Shown:
    """What is shown of each record: all fields or some, and the records behind relations."""

    fields: tuple[str, ...] | None = None
    expand: tuple[str, ...] = ()

    @classmethod
    def of(cls, arguments: Iterable[tuple[str, str]]) -> Shown:
        """Return what *arguments*, of which no others are known, ask for.

        Raises:
            QueryError: there is another parameter.
        """
        given = dict.fromkeys(("fields", "expand"), "")
        found = set[str]()
        for name, value in arguments:
            if name not in given:
                raise QueryError(name[:80], _("there is no such parameter"))
            given[name] += f",{value}"
            found.add(name)
        return cls(names_in(given["fields"]) if "fields" in found else None, names_in(given["expand"]))


EVERYTHING = Shown()


@attrs.frozen
class ListQuery:
    """Which records a list has, in which order, which page of it, and what is shown."""

    where: Rule | None
    order_by: str | None
    limit: int
    cursor: str | None
    shown: Shown
    count: bool
    deleted: bool

    @classmethod
    def of(cls, db: Reader, info: EntityInfo, arguments: Iterable[tuple[str, str]]) -> ListQuery:
        """Return what *arguments* ask of the records of *info*.

        Raises:
            QueryError: a parameter is given twice, or its value is not accepted.
            RuleError: the filter is no rule.
            UnknownFieldError: a parameter names no field, or a hidden one.
        """
        shown = list[tuple[str, str]]()
        others = list[tuple[str, str]]()
        for argument in arguments:
            (shown if argument[0] in _SHOWN else others).append(argument)
        known, where = sorted_out(db, info, others, _PARAMETERS)
        return cls(
            where=where,
            order_by=known.get("order_by"),
            limit=_limit(known.get("limit")),
            cursor=known.get("cursor"),
            shown=Shown.of(shown),
            count=_truth("count", known.get("count", "false")),
            deleted=_truth("deleted", known.get("deleted", "false")),
        )


_SHOWN = ("fields", "expand")
_PARAMETERS = ("order_by", "limit", "cursor", "count", "deleted")


def sorted_out(
    db: Reader, info: EntityInfo, arguments: Iterable[tuple[str, str]], parameters: Collection[str]
) -> tuple[dict[str, str], Rule | None]:
    """Return the values of *parameters* that are given, and the rule that all other *arguments* add up to.

    Those are ``filter``, a rule, and conditions on the fields of *info* in the simple form.

    Raises:
        QueryError: a parameter is given twice, or the value of a condition is not accepted.
        RuleError: the filter is no rule.
        UnknownFieldError: an argument names no field, or a hidden one.
    """
    known: dict[str, str] = {}
    rules = list[Rule]()
    for name, value in arguments:
        if name not in parameters and name != _FILTER:
            rules.append(_condition(FieldScope(db.model.registry, info, db.access), name, value))
        elif name in known:
            raise QueryError(name, _("is given twice"))
        else:
            known[name] = value
    if text := known.pop(_FILTER, None):
        rules.insert(0, _parse(text))
    return known, reduce(and_, rules) if rules else None


_FILTER = "filter"


def names_in(text: str) -> tuple[str, ...]:
    """Return the names that *text* has between commas, each once."""
    return tuple(dict.fromkeys(name for part in text.split(",") if (name := part.strip())))


def _limit(text: str | None) -> int:
    if text is None:
        return _USUAL
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 0 < int(text) <= MOST:
        raise QueryError("limit", _("a whole number from 1 to {most}"), most=MOST)
    return int(text)


def _truth(name: str, text: str) -> bool:
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


def _condition(scope: FieldScope, name: str, text: str) -> Rule:
    """Return the rule that a parameter such as ``amount__gte`` with the value *text* stands for."""
    path, _underscores, operator = name.partition("__")
    parts = tuple(path.split("."))
    kind = _type_at(scope, parts, path)
    if operator not in _OPERATORS:
        accepted = ", ".join(sorted(set(_OPERATORS) - {""}))
        raise QueryError(
            name[:80], _("there is no operator {operator!r}; known: {known}"), operator=operator[:40], known=accepted
        )
    value: Any
    if operator == "isnull":
        value = _truth(name, text)
    elif operator == "in":
        value = [_value(name, kind, part) for part in text.split(",")]
    else:
        value = _value(name, kind, text)
    return _OPERATORS[operator](FieldPath(parts), value)


def _type_at(scope: FieldScope, parts: tuple[str, ...], path: str) -> FieldType:
    """Return the type of the field to which *parts* lead."""
    for place, part in enumerate(parts[:-1]):
        rest = parts[place:]
        if part == "custom":
            return scope.field(".".join(rest)).type
        if len(rest) == 2 and _is_any_reference(scope, part):
            return fields.File() if rest[1] == "id" else fields.Text()
        try:
            scope = scope.related(part)
        except UnknownFieldError:
            scope = scope.extension(part)
    return scope.field(parts[-1]).type


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
