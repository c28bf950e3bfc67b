"""Making attrs classes out of what entities and mixins declare."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar, TypeVar, dataclass_transform

import attrs

from crmkit.core import fields as types_
from crmkit.core.entity.declaring import any_ref, computed, field, ref, spec_of
from crmkit.core.entity.info import EntityInfo, FieldInfo
from crmkit.core.errors import DeclarationError
from crmkit.core.fields import FieldType, Target
from crmkit.core.money import Money
from crmkit.core.text import Text, gettext as _

__all__ = ["build_class", "class_body", "describe", "mixin"]

T = TypeVar("T")
_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}\Z")
_TYPE_OF: Mapping[Any, FieldType] = {
    str: types_.Text(),
    int: types_.Integer(),
    Decimal: types_.Decimals(),
    Money: types_.MoneyType(),
    bool: types_.Boolean(),
    date: types_.Date(),
    datetime: types_.DateTime(),
    Target: types_.AnyReference(),
}


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field, ref, any_ref))
def mixin(cls: type[T]) -> type[T]:
    """Return *cls* as a base whose annotated fields every entity built on it gets."""
    own = _take_fields(cls)
    namespace = {k: v for k, v in vars(cls).items() if k not in {*own, "__dict__", "__weakref__"}}
    namespace["__slots__"] = ()
    made: Any = types.new_class(cls.__name__, cls.__bases__, exec_body=lambda body: body.update(namespace))
    made.__crmkit_own__ = own
    return typing.cast("type[T]", made)


def _take_fields(cls: type[Any]) -> dict[str, tuple[Any, Any]]:
    """Return ``{name: (resolved annotation, attrs field)}`` of what *cls* itself declares."""
    hints = typing.get_type_hints(cls)
    names = [n for n in vars(cls).get("__annotations__", {}) if typing.get_origin(hints[n]) is not ClassVar]
    return {name: (hints[name], _as_attribute(vars(cls).get(name, attrs.NOTHING))) for name in names}


def _as_attribute(value: Any) -> Any:
    return value if spec_of(value) else field(default=value)


def class_body(cls: type[Any]) -> dict[str, Any]:
    """Return the namespace of *cls*, for a class made in its place."""
    return {k: v for k, v in vars(cls).items() if k not in {"__dict__", "__weakref__"}}


def build_class(cls: type[Any], where: str) -> Any:
    """Return the frozen, slotted attrs class with the fields of *cls* and of its mixins."""
    collected: dict[str, tuple[Any, Any]] = {}
    for base in reversed(cls.__mro__[1:]):
        collected |= vars(base).get("__crmkit_own__", {})
    own = _take_fields(cls)
    for name in own:
        if not _FIELD_NAME.match(name) or name in collected:
            raise DeclarationError(f"{where}.{name}", _("this field's name is taken or not in snake_case"))
    collected |= own
    for annotation, attribute in collected.values():
        attribute.type = annotation
    these = {name: attribute for name, (_annotation, attribute) in collected.items()}
    namespace = {k: v for k, v in class_body(cls).items() if k not in own} | {"__annotations__": {}}
    plain = types.new_class(cls.__name__, cls.__bases__, exec_body=lambda body: body.update(namespace))
    made: Any = attrs.define(these=these, slots=True, frozen=True, eq=False, repr=False, kw_only=True)(plain)
    made.__crmkit_fields__ = collected
    return made


def describe(
    cls: type[Any],
    id: str,
    label: Text,
    unique: tuple[tuple[str, ...], ...],
    links: Mapping[str, str],
    host: str | None,
    *,
    owned: bool = False,
    pipelined: bool = False,
    person: bool = False,
    kept: Text | None = None,
    indexes: tuple[tuple[str, ...], ...] = (),
    tells_of: tuple[str, str] | None = None,
) -> EntityInfo:
    """Return what crmkit knows about *cls*, which :func:`build_class` made.

    Raises:
        DeclarationError: an annotation needs an explicit field type, or a reference's name does not end in ``_id``.
    """
    infos = {name: _field_info(id, name, a, f) for name, (a, f) in cls.__crmkit_fields__.items()}
    derived = {c.name: c for base in reversed(cls.__mro__) for c in vars(base).values() if isinstance(c, computed)}
    made = EntityInfo(id, cls, label, infos, derived, unique, links, host, owned=owned, pipelined=pipelined)
    return attrs.evolve(made, person=person, kept=kept, indexes=indexes, tells_of=tells_of)


def _field_info(entity_id: str, name: str, annotation: Any, attribute: Any) -> FieldInfo:
    spec = spec_of(attribute)
    assert spec is not None
    bare, nullable = _without_none(annotation)
    kind = spec.type or _TYPE_OF.get(bare)
    if kind is None:
        raise DeclarationError(
            f"{entity_id}.{name}", _("annotation {annotation} needs an explicit field type"), annotation=str(annotation)
        )
    if isinstance(kind, types_.Reference) and not name.endswith("_id"):
        raise DeclarationError(f"{entity_id}.{name}", _("a reference's name ends in _id"))
    default = attribute._default
    return FieldInfo(
        name=name,
        type=kind,
        entity=entity_id,
        owner=entity_id.partition(".")[0],
        nullable=nullable,
        label=spec.label or Text(name.removesuffix("_id").replace("_", " ").capitalize()),
        help=spec.help or Text(""),
        init=attribute.init,
        has_default=default is not attrs.NOTHING,
        default=_producer(default),
        search=spec.search,
        indexed=spec.indexed,
        unique=spec.unique,
        personal=bool(spec.personal),
        purpose=spec.purpose,
        former=spec.formerly,
        impersonal=spec.personal is False,
        kept=spec.kept,
        encrypted=spec.encrypted,
        blind_index=spec.blind_index,
        credential=spec.credential,
    )


def _producer(default: Any) -> Callable[[], Any]:
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        return typing.cast("Callable[[], Any]", default.factory)
    value = None if default is attrs.NOTHING else default
    return lambda: value


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        rest = [a for a in typing.get_args(annotation) if a is not type(None)]
        return (rest[0] if len(rest) == 1 else annotation), len(rest) < len(typing.get_args(annotation))
    return annotation, False
