"""The types of arguments and answers: values of JSON read by them, and the schemas that describe them."""

from __future__ import annotations

import collections.abc
import dataclasses
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin
from uuid import UUID

import attrs
import msgspec

from crmkit.core import fields
from crmkit.core.entity import Record, entity_info
from crmkit.core.errors import FieldProblem, NotFoundError, ValidationError
from crmkit.core.fields import FieldType, Refused, Target
from crmkit.core.fields.base import shortened
from crmkit.core.money import Money
from crmkit.core.reading.lists import as_id, is_called
from crmkit.core.representing.plain import decimal_of, from_plain
from crmkit.core.text import gettext as _, is_storable

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader
    from crmkit.core.verbs.declaring import Verb

__all__ = ["check_type", "members", "read_arguments", "schema_of"]

_LISTS = (list, tuple, collections.abc.Sequence)
_BY_FIELD: Mapping[type[Any], FieldType] = {
    datetime: fields.DateTime(),
    date: fields.Date(),
    Money: fields.MoneyType(),
    Target: fields.AnyReference(),
}
# What is read as it stands; a float is none of it, as it is not exact.
_LEAVES: tuple[Any, ...] = (str, int, bool, UUID)
_TEXT: Mapping[str, Any] = {"type": "string"}
_MONEY: Mapping[str, Any] = {
    "type": "object",
    "properties": {"amount": _TEXT, "currency": _TEXT},
    "required": ["amount", "currency"],
}
_TARGET: Mapping[str, Any] = {
    "type": "object",
    "properties": {"entity": _TEXT, "id": {"type": "string", "format": "uuid"}},
    "required": ["entity", "id"],
}
_SCHEMAS: Mapping[Any, Mapping[str, Any]] = {
    Decimal: _TEXT,
    Money: _MONEY,
    Target: _TARGET,
    timedelta: {"type": "integer", "description": "Seconds"},
    type(None): {"type": "null"},
    Any: {},
}


def members(kind: type[Any]) -> Iterator[tuple[str, Any, bool]]:
    """Yield name and type of what an attrs class or dataclass has, and whether it must be given."""
    hints = typing.get_type_hints(kind)
    if attrs.has(kind):
        for each in attrs.fields(kind):
            yield each.name, hints[each.name], each.default is attrs.NOTHING
        return
    for named in dataclasses.fields(kind):
        needed = named.default is dataclasses.MISSING and named.default_factory is dataclasses.MISSING
        yield named.name, hints[named.name], needed


def check_type(kind: Any) -> Any:
    """Return the first part of *kind* by which no value can be read; ``None`` if there is none."""
    if (parts := _parts(kind)) is not None:
        return next((found for found in map(check_type, parts) if found is not None), None)
    if attrs.has(kind) and kind not in _BY_FIELD and not _is_entity(kind):
        return next((found for _n, each, _needed in members(kind) if (found := check_type(each)) is not None), None)
    return None if _is_entity(kind) or kind in _BY_FIELD or kind is Decimal or _is_leaf(kind) else kind


def read_arguments(db: Reader, verb: Verb, given: Any) -> dict[str, Any]:
    """Return the arguments of *verb* that *given*, an object of JSON, spells; records are those that *db* sees.

    To a verb that writes a merged record is none: it is not done to the one that this went into.

    Raises:
        ValidationError: values are missing, unknown or not accepted. That of a hidden record says what that of none
            does.
    """
    problems: list[FieldProblem] = []
    values = _Reading(db, problems, follows=not verb.writes).object("", verb.arguments, given)
    if problems:
        raise ValidationError(verb.id, problems)
    return values


class _Reading:
    """Reads values, and collects what is wrong with them; a merged record leads on if it *follows*."""

    def __init__(self, db: Reader, problems: list[FieldProblem], *, follows: bool) -> None:
        self._db, self._problems, self._follows = db, problems, follows

    def object(self, place: str, kind: type[Any], given: Any) -> dict[str, Any]:
        if not isinstance(given, Mapping):
            self._refuse(place, _expected("an object", given))
            return {}
        values, known = dict[str, Any](), dict[str, None]()
        for name, type_, needed in members(kind):
            known[name] = None
            where = f"{place}.{name}" if place else name
            if name in given:
                values[name] = self._read(where, type_, given[name])
            elif needed:
                self._problems.append(FieldProblem(where, _("a value is required"), "required"))
        for name in given:
            if name not in known:
                self._problems.append(FieldProblem(str(name)[:80], _("there is no such argument"), "unknown"))
        return values

    def _read(self, place: str, kind: Any, plain: Any) -> Any:
        try:
            return self._value(place, kind, plain)
        except Refused as refused:
            self._refuse(place, refused)

    def _refuse(self, place: str, refused: Refused) -> None:
        self._problems.append(FieldProblem(place, refused.message, **refused.facts))

    def _value(self, place: str, kind: Any, plain: Any) -> Any:
        if get_origin(kind) in (Union, types.UnionType):
            parts = [part for part in get_args(kind) if part is not type(None)]
            return None if plain is None and len(parts) < len(get_args(kind)) else self._value(place, parts[0], plain)
        if get_origin(kind) in _LISTS:
            if not isinstance(plain, list):
                raise _expected("a list", plain)
            return self._list(place, get_args(kind)[0], plain)
        if plain is None:
            raise _expected("a value", plain)
        if _is_entity(kind):
            return self._record(kind, plain)
        if kind in _BY_FIELD:
            return from_plain(_BY_FIELD[kind], plain)
        if kind is Decimal:
            return decimal_of(plain)
        if isinstance(kind, type) and attrs.has(kind):
            before = len(self._problems)
            values = self.object(place, kind, plain)
            return kind(**values) if len(self._problems) == before else None
        return _leaf(kind, plain)

    def _list(self, place: str, kind: Any, plain: list[Any]) -> list[Any]:
        if not _is_entity(kind):
            return [self._read(f"{place}.{n}", kind, each) for n, each in enumerate(plain)]
        # Records are asked for together.
        ids = [as_id(each) for each in plain]
        found = self._db.get_many(kind, [id_ for id_ in ids if id_ is not None])
        return [
            found[id_] if id_ in found else self._read(f"{place}.{n}", kind, each)
            for n, (id_, each) in enumerate(zip(ids, plain, strict=True))
        ]

    def _record(self, kind: Any, plain: Any) -> Any:
        info = entity_info(kind)
        if isinstance(plain, str) and is_storable(plain):
            try:
                found = self._db.get(kind, plain)
            except NotFoundError:
                pass
            else:
                if self._follows or is_called(info, found, plain):
                    return found
        raise Refused(_("there is no record {reference!r} of {entity}"), reference=shortened(plain), entity=info.id)


def schema_of(kind: Any, record: Callable[[str], Mapping[str, Any]]) -> dict[str, Any]:
    """Return the JSON Schema of *kind*; *record* gives that of the records of an entity."""
    if get_origin(kind) in (Union, types.UnionType):
        return {"anyOf": [schema_of(part, record) for part in get_args(kind)]}
    if get_origin(kind) in _LISTS:
        return {"type": "array", "items": schema_of(get_args(kind)[0], record)}
    if get_origin(kind) in (dict, collections.abc.Mapping):
        return {"type": "object"}
    if kind in _SCHEMAS:
        return dict(_SCHEMAS[kind])
    if _is_entity(kind):
        return dict(record(entity_info(kind).id))
    if isinstance(kind, type) and (attrs.has(kind) or dataclasses.is_dataclass(kind)):
        found = list(members(kind))
        properties = {name: schema_of(each, record) for name, each, _needed in found}
        return {"type": "object", "properties": properties, "required": [name for name, _t, needed in found if needed]}
    return dict(msgspec.json.schema(kind)) if _is_leaf(kind) or kind in (date, datetime) else {}


def _parts(kind: Any) -> tuple[Any, ...] | None:
    """Return of which types *kind* consists: of a list one, of what may be left out one."""
    if get_origin(kind) in (Union, types.UnionType):
        parts = tuple(part for part in get_args(kind) if part is not type(None))
        return parts if len(parts) == 1 else None
    return get_args(kind)[:1] if get_origin(kind) in _LISTS else None


def _is_entity(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Record) and kind is not Record


def _is_leaf(kind: Any) -> bool:
    return get_origin(kind) is Literal or kind in _LEAVES


def _leaf(kind: Any, plain: Any) -> Any:
    try:
        value = msgspec.convert(plain, kind)
    except msgspec.ValidationError:
        expected = " | ".join(map(str, get_args(kind))) if get_origin(kind) is Literal else kind.__name__
        raise _expected(expected, plain) from None
    if isinstance(value, str) and not is_storable(value):
        raise _expected("text", plain)
    return value


def _expected(expected: str, plain: Any) -> Refused:
    return Refused(_("expected {expected}, got {value!r}"), expected=expected, value=shortened(plain))
