"""The values that an automation gives: constants, expressions of the rule language, and templates of text."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from crmkit.core.automating.templates import Given, Template, read_template
from crmkit.core.errors import CrmkitError, FieldProblem, NotFoundError
from crmkit.core.fields import AnyReference, FieldType, MoneyType, Refused, Target
from crmkit.core.representing.plain import from_plain
from crmkit.core.rules import plan
from crmkit.core.rules.check_conditions import Conditions
from crmkit.core.rules.check_paths import Namespace, Paths
from crmkit.core.rules.kinds import TEXT, Kind, kind_of
from crmkit.core.rules.numbers import from_raw
from crmkit.core.rules.parse import parse
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.entity import Record
    from crmkit.core.reading.reader import Reader

__all__ = ["read_text", "read_value", "reason_of"]


def read_value(given: Any, kind: FieldType | None, namespace: Namespace) -> Given:
    """Return what gives the value that *given* spells to a field of *kind*, of a record whose fields *namespace* has.

    ``{"expression": "company.owner_id"}`` and ``{"template": "Call {name}"}`` are worked out for each record; all else
    is a constant. Without *kind* it is not looked at whether the value fits.

    Raises:
        RuleError: an expression makes no sense; the error has the position.
        FieldProblem: the value does not fit the field.
    """
    if isinstance(given, Mapping) and given.keys() == {"expression"}:
        return _expression(str(given["expression"]), kind, namespace)
    if isinstance(given, Mapping) and given.keys() == {"template"}:
        if kind is not None and kind_of(kind, 0).name != "text":
            raise FieldProblem("", _("a template gives text"))
        return read_template(given["template"], partial(_expression, kind=None, namespace=namespace)).filled
    value = given if kind is None else _constant(given, kind)
    return lambda _db, _record: value


def read_text(given: Any, namespace: Namespace) -> Template:
    """Return as a template what *given* spells, for those whom an action tells it; see :func:`read_value`.

    Raises:
        RuleError: an expression makes no sense.
        FieldProblem: it spells no text.
    """
    if isinstance(given, Mapping) and given.keys() == {"expression"}:
        return Template({"en": (_expression(str(given["expression"]), None, namespace),)})
    if isinstance(given, Mapping) and given.keys() == {"template"}:
        return read_template(given["template"], partial(_expression, kind=None, namespace=namespace))
    if not isinstance(given, str):
        raise FieldProblem("", _("expected {expected}, got {value!r}"), expected="text", value=given)
    return Template({"en": (given,)})


def _constant(given: Any, kind: FieldType) -> Any:
    try:
        return from_plain(kind, given)
    except Refused as refused:
        raise FieldProblem("", refused.message, **refused.facts) from None


def _expression(text: str, kind: FieldType | None, namespace: Namespace) -> Given:
    paths = Paths(namespace)
    value = Conditions(paths).values.value(parse(text))
    if isinstance(value, plan.Field) and value.credential:
        raise FieldProblem("", _("{text!r} proves who somebody is: it goes into no text and no other field"), text=text)
    given = _reading(value, text)
    if kind is None:
        return given
    gives = _kind(value, namespace)
    if isinstance(kind, AnyReference):
        if gives.name == "target":
            return given
        if gives.name == "id" and (entity := gives.entity) is not None:
            return partial(_target, entity, given)
    wanted = kind_of(kind, paths.digits)
    is_money = isinstance(value, plan.Field) and isinstance(value.type, MoneyType)
    fits = wanted.fits(gives) or (wanted.name == "text" and gives.name == "text")
    if gives.name != "null" and not (fits and isinstance(kind, MoneyType) == is_money):
        message = _("{text!r} gives {given}, the field takes {wanted}")
        raise FieldProblem("", message, text=text, given=str(gives.label), wanted=str(wanted.label))
    return given


def _target(entity: str, given: Given, db: Reader, record: Record) -> Target | None:
    id_ = given(db, record)
    return None if id_ is None else Target(entity, id_)


def _kind(value: plan.Value, namespace: Namespace) -> Kind:
    """Return the kind of *value*; the id of a record points at that record."""
    if isinstance(value, plan.Field) and value.name == "id":
        last = value.steps[-1] if value.steps else None
        entity = last.entity if isinstance(last, plan.Relation) else namespace.entity.id
        return Kind("id", entity=entity)
    return TEXT if value.kind.name == "text" else value.kind


def _reading(value: plan.Value, text: str) -> Given:
    """Return what reads *value* as Python keeps it."""
    match value:
        case plan.Const():
            constant = from_raw(value.value, value.kind.scale) if value.kind.name == "number" else value.value
            return lambda _db, _record: constant
        case plan.Now():
            return lambda db, _record: db.moment.value(value.name, value.offset)
        case plan.Shift():
            inner = _reading(value.value, text)
            return lambda db, record: None if (found := inner(db, record)) is None else found + value.offset
        case plan.Field():
            return partial(_read, value)
    raise FieldProblem("", _("{text!r} is calculated; a field, a date that is moved or a constant is given"), text=text)


def _read(field: plan.Field, db: Reader, record: Record) -> Any:
    """Return what *field* holds, through what the reader sees; ``None`` where a step leads nowhere."""
    there: Any = record
    for step in field.steps:
        if isinstance(step, plan.Extension):
            info = db.model.registry.extensions[there.__entity__.id][step.plugin]
            there = db.extension(info.cls, there)
            continue
        id_ = _own(there, f"{step.name}_id")
        try:
            there = None if id_ is None else db.get(db.entity(step.entity), id_)
        except NotFoundError:
            there = None
        if there is None:
            return None
    return _own(there, field.name)


def _own(record: Any, name: str) -> Any:
    prefix, _dot, key = name.partition(".")
    return record.custom.get(key) if prefix == "custom" and key else getattr(record, name)


def reason_of(error: CrmkitError) -> str:
    """Return what *error* says, without the name of the field before it, which the caller knows."""
    return str(error).removeprefix(": ") if isinstance(error, FieldProblem) else str(error)
