"""Values by field, read from an object of JSON as records are represented: for creating and for changing a record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crmkit.core.entity import EntityInfo, FieldInfo, Record
from crmkit.core.errors import FieldProblem, UnknownFieldError, ValidationError
from crmkit.core.fields import AnyReference, Decimals, Json, MoneyType, Refused, Text
from crmkit.core.fields.base import shortened
from crmkit.core.representing.plain import from_plain
from crmkit.core.representing.records import represented
from crmkit.core.text import gettext as _
from crmkit.core.writing.shapes import is_given_by_crmkit, shape_of

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader

__all__ = ["new_record", "read_values"]

_CUSTOM = "custom"
# What a patch may change a part of.
_OBJECTS = (AnyReference, Json, MoneyType)


def read_values(db: Reader, entity: type[Record] | str, given: Any, *, over: Record | None = None) -> dict[str, Any]:
    """Return the values by field that *given*, an object as :func:`crmkit.represent` makes it, spells for *entity*.

    Fields of extensions are called ``plugin.field``, those made at run time ``custom.key``.

    With *over*, *given* is a merge patch (RFC 7396) of that record.

    Raises:
        UnknownFieldError: a field does not exist, or is hidden; the words are the same, and nothing else is told.
        ValidationError: *given* is no object, a value is none of its field's, or a field is set by crmkit.
    """
    info = db.model.registry.entity(entity)
    known, problems = db.model.registry.fields(info.id), list[FieldProblem]()
    values: dict[str, Any] = {}
    for name, value in _flat(db, info, given).items():
        field = known.get(name)
        if field is None or is_given_by_crmkit(field):
            reason = _("is calculated") if field is None else _("is set by crmkit")
            problems.append(FieldProblem(name, reason, "read-only"))
            continue
        try:
            values[name] = _value(field, _merged(db, over, field, name, value))
        except Refused as refused:
            problems.append(FieldProblem(name, refused.message, **refused.facts))
    if problems:
        raise ValidationError(info.id, problems)
    return values


def new_record(info: EntityInfo, values: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return a record of *info* with *values* as :func:`read_values` gives them, and the values of extensions.

    What must be given and is not is left to the steps of a write, which refuse it.
    """
    own = {name: value for name, value in values.items() if name in info.fields}
    lacking = {f.name: None for f in shape_of(info).settable if not f.has_default and f.name not in own}
    custom = {info.custom[name].key: value for name, value in values.items() if name in info.custom}
    beside = {name: value for name, value in values.items() if name not in own and name not in info.custom}
    return info.cls(**lacking, **own, custom=custom), beside


def _flat(db: Reader, info: EntityInfo, given: Any) -> dict[str, Any]:
    """Return what *given* has by the whole names of fields, all of which the principal may read."""
    readable = db.access.entity(info).readable
    plugins = db.model.registry.extensions.get(info.id, {})
    groups = {_CUSTOM, *(each for each in plugins if any(name.startswith(f"{each}.") for name in readable))}
    flat, misshapen = dict[str, Any](), list[FieldProblem]()
    for name, value in _items(info, given):
        if name not in groups:
            flat[name] = value
        elif isinstance(value, Mapping):
            flat |= {f"{name}.{inner}": each for inner, each in value.items()}
        else:
            misshapen.append(_no_object(name, value))
    for name in flat:
        if name not in readable:
            raise UnknownFieldError(info.id, name)
    if misshapen:
        raise ValidationError(info.id, misshapen)
    return flat


def _items(info: EntityInfo, given: Any) -> list[tuple[str, Any]]:
    if not isinstance(given, Mapping):
        raise ValidationError(info.id, [_no_object("", given)])
    for name in given:
        # What it could mean stands in an object.
        if "." in name:
            raise UnknownFieldError(info.id, name)
    return list(given.items())


def _no_object(name: str, value: Any) -> FieldProblem:
    message = _("expected {expected}, got {value!r}")
    return FieldProblem(name, message, expected="a JSON object", value=shortened(value))


def _value(field: FieldInfo, plain: Any) -> Any:
    # A number would be read as a float by some who write it, and round.
    if isinstance(field.type, Decimals) and not isinstance(plain, str | None):
        message = _("expected {expected}, got {value!r}")
        raise Refused(message, expected="text such as 12.50", value=shortened(plain))
    # Space around a text is not kept, but whoever sends it has been told how much they may send.
    if isinstance(field.type, Text) and isinstance(plain, str) and len(plain) > field.type.max:
        message = _("at most {max} characters, got {length}")
        raise Refused(message, max=field.type.max, length=len(plain))
    return from_plain(field.type, plain)


def _merged(db: Reader, over: Record | None, field: FieldInfo, name: str, patch: Any) -> Any:
    """Return what *field* of *over* has after *patch*, where only a part of it may be given."""
    if over is None or not isinstance(field.type, _OBJECTS) or not isinstance(patch, Mapping):
        return patch
    shown = represented(db, [over], fields=[name], credentials=True)[0]
    prefix, dot, inner = name.partition(".")
    return _patched(shown[prefix][inner] if dot else shown[name], patch)


def _patched(target: Any, patch: Any) -> Any:
    """Return *target* as a merge patch changes it (RFC 7396)."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _patched(result.get(name), value)
    return result
