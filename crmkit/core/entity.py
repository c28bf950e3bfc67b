"""Declaring entities: attrs classes whose instances are frozen values.

``@entity`` makes the class; :class:`EntityInfo` and :class:`FieldInfo` are what the rest of crmkit
knows about it. Nothing here touches a database.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar, Generic, Literal, TypeVar, dataclass_transform, overload
from uuid import UUID

import attrs

from crmkit.core import fields as types_
from crmkit.core.errors import DeclarationError, UnknownFieldError
from crmkit.core.fields import FieldType, Target
from crmkit.core.ids import new_id
from crmkit.core.money import Money
from crmkit.core.rules.build import FieldNamespace
from crmkit.core.text import Text, gettext as _

__all__ = [
    "EntityInfo",
    "ExtensionRecord",
    "FieldInfo",
    "Owned",
    "Pipelined",
    "Record",
    "any_ref",
    "computed",
    "entity",
    "entity_info",
    "extension",
    "field",
    "loaded_values",
    "mixin",
    "ref",
]

T = TypeVar("T")
V = TypeVar("V")
R = TypeVar("R", bound="Record")
_SPEC = "crmkit"
_ENTITY_ID = re.compile(r"[a-z][a-z0-9_]{0,30}\.[a-z][a-z0-9_]{0,40}\Z")
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


@attrs.frozen
class _Spec:
    """What :func:`field` was told."""

    type: FieldType | None
    label: Text | None
    help: Text | None
    search: bool
    indexed: bool
    unique: bool
    personal: bool
    purpose: str | None


@attrs.frozen(eq=False)
class FieldInfo:
    """One field of one entity, as every part of crmkit sees it."""

    name: str
    type: FieldType
    entity: str
    owner: str
    nullable: bool
    label: Text
    help: Text
    init: bool
    has_default: bool
    default: Callable[[], Any]
    search: bool = False
    indexed: bool = False
    unique: bool = False
    personal: bool = False
    purpose: str | None = None

    @property
    def relation(self) -> str | None:
        """The name under which rules and expansions follow this reference: ``company`` for ``company_id``."""
        if not isinstance(self.type, types_.Reference):
            return None
        return self.name.removesuffix("_id")

    @property
    def is_system(self) -> bool:
        """Whether crmkit sets this field, never the caller."""
        return self.name in SYSTEM_FIELDS


@attrs.frozen(eq=False)
class EntityInfo:
    """One entity: its class and its fields in order. *host* is set for an extension."""

    id: str
    cls: type[Any]
    label: Text
    fields: Mapping[str, FieldInfo]
    computed: Mapping[str, computed[Any]]
    unique: tuple[tuple[str, ...], ...] = ()
    links: Mapping[str, str] = attrs.field(factory=dict)
    host: str | None = None
    extends_as: str | None = None
    number: FieldInfo | None = attrs.field(init=False)

    @number.default
    def _find_number(self) -> FieldInfo | None:
        """Return the field that carries the human number, if the entity has one."""
        return next((f for f in self.fields.values() if isinstance(f.type, types_.Number)), None)

    @property
    def plugin(self) -> str:
        """The plugin that declares it: the one whose name the id carries, or the one that extends the host."""
        return self.extends_as or self.id.partition(".")[0]

    @property
    def table(self) -> str:
        """The table's name: ``sales_deal`` for ``sales.deal``, ``membership_sales_deal`` for an extension of it."""
        name = self.id.replace(".", "_")
        return f"{self.extends_as}_{name}" if self.extends_as else name

    @property
    def owned(self) -> bool:
        """Whether records have an owner and a team."""
        return issubclass(self.cls, Owned)

    @property
    def pipelined(self) -> bool:
        """Whether records stand in a stage of a pipeline."""
        return issubclass(self.cls, Pipelined)

    @property
    def hangs_on_any(self) -> bool:
        """Whether records are visible only to those who see the record of any entity that they point at."""
        return any(isinstance(f.type, types_.AnyReference) for f in self.fields.values())


SYSTEM_FIELDS = frozenset(
    "id version created_at updated_at created_by deleted_at custom pipeline_version stage_kind stage_entered_at".split()
)


def field(
    type: FieldType | None = None,
    *,
    default: Any = attrs.NOTHING,
    factory: Callable[[], Any] | None = None,
    init: bool = True,
    label: Text | None = None,
    help: Text | None = None,
    search: bool = False,
    indexed: bool = False,
    unique: bool = False,
    personal: bool = False,
    purpose: str | None = None,
) -> Any:
    """Declare one field of an entity.

    *type* may be left out where the annotation says enough (``str``, ``int``, ``Decimal``, ``Money``, ``bool``,
    ``date``, ``datetime``). *search* puts it into full-text search; *indexed* makes filtering and sorting by it fast
    at a million records; *unique* refuses a second record with the same value, deleted ones aside. *personal*
    marks personal data kept for *purpose*; export and erasure follow it.
    """
    spec = _Spec(type, label, help, search, indexed, unique, personal, purpose)
    if factory is not None:
        return attrs.field(factory=factory, init=init, kw_only=True, metadata={_SPEC: spec})
    return attrs.field(default=default, init=init, kw_only=True, metadata={_SPEC: spec})


def ref(
    entity: str,
    *,
    default: Any = attrs.NOTHING,
    init: bool = True,
    follows: bool = False,
    on_delete: Literal["restrict", "clear", "cascade"] = "restrict",
    label: Text | None = None,
    help: Text | None = None,
    indexed: bool = True,
    unique: bool = False,
) -> Any:
    """Declare a reference to a record of *entity*; the field's name ends in ``_id``. See :class:`Reference`."""
    kind = types_.Reference(entity, follows=follows, on_delete=on_delete)
    return field(kind, default=default, init=init, label=label, help=help, indexed=indexed, unique=unique)


def any_ref(
    *,
    also: Sequence[str] = (),
    default: Any = attrs.NOTHING,
    label: Text | None = None,
    help: Text | None = None,
) -> Any:
    """Declare a reference to a record of any entity; the value is a :class:`Target`. See :class:`AnyReference`."""
    return field(types_.AnyReference(also), default=default, label=label, help=help, indexed=True)


class computed(Generic[T]):
    """A value derived from other fields: a property in memory, an expression in SQL.

    The decorated function gets the record, or in SQL a namespace of its columns; where one expression cannot serve
    both, :meth:`sql` gives another for SQL. It is readable by those who may read all fields in *needs*.
    """

    def __init__(self: computed[Any], type: FieldType, *, needs: Sequence[str], label: Text | None = None) -> None:
        """Declare the field's *type* and which fields it *needs*."""
        self.type, self.needs, self.label = type, tuple(needs), label
        self.name = ""
        self.in_memory: Callable[[Any], Any]
        self.in_sql: Callable[[Any], Any]

    def __call__(self, function: Callable[[Any], V]) -> computed[V]:
        """Take *function* for memory and for SQL."""
        self.in_memory = self.in_sql = function
        self.__doc__ = function.__doc__
        return typing.cast("computed[V]", self)

    def sql(self, function: Callable[[Any], Any]) -> computed[T]:
        """Take *function*, which gets the namespace of columns, for SQL."""
        self.in_sql = function
        return self

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self.name = name

    @overload
    def __get__(self, record: None, cls: type[Any]) -> computed[T]: ...
    @overload
    def __get__(self, record: Any, cls: type[Any]) -> T: ...
    def __get__(self, record: Any, cls: type[Any]) -> Any:
        return self if record is None else self.in_memory(record)


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
    is_declared = hasattr(value, "metadata") and _SPEC in value.metadata
    return value if is_declared else field(default=value)


@mixin
class Record:
    """What every record has. Fields that crmkit sets are missing until the record is stored."""

    id: UUID = field(types_.File(), factory=new_id, label=_("Id"))
    version: int = field(default=0, init=False, label=_("Version"))
    created_at: datetime = field(init=False, label=_("Created at"))
    updated_at: datetime = field(init=False, label=_("Updated at"))
    created_by: UUID | None = field(types_.File(), init=False, label=_("Created by"))
    deleted_at: datetime | None = field(init=False, label=_("Deleted at"))
    custom: Mapping[str, Any] = field(types_.Json(), factory=dict, init=False, label=_("Custom fields"))

    f: ClassVar[FieldNamespace]
    __entity__: ClassVar[EntityInfo]

    def __getattr__(self, name: str) -> Any:
        # Reached only for what is not set: a hidden field answers as one that does not exist.
        raise UnknownFieldAttributeError(self.__entity__.id, name)

    def __repr__(self) -> str:
        shown = ", ".join(f"{k}={v!r}" for k, v in loaded_values(self).items() if v is not None)
        return f"{type(self).__name__}({shown})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return loaded_values(self) == loaded_values(other)

    def __hash__(self) -> int:
        return hash(self.id)


class UnknownFieldAttributeError(UnknownFieldError, AttributeError):
    """A record was asked for a field that it does not have, or that its reader may not read."""


@mixin
class Owned(Record):
    """A record that belongs to a user and to a team; ownership changes only through ``transfer``."""

    owner_id: UUID | None = ref("core.user", default=None, label=_("Owner"), indexed=False)
    team_id: UUID | None = ref("core.team", default=None, label=_("Team"), indexed=False)


@mixin
class Pipelined(Record):
    """A record that stands in a stage of a pipeline; the stage changes only through ``move``."""

    pipeline: str = field(types_.Text(max=64), default="", label=_("Pipeline"))
    pipeline_version: int = field(init=False, label=_("Pipeline version"))
    stage: str = field(types_.Text(max=64), default="", label=_("Stage"))
    stage_kind: str = field(types_.Choice(["open", "won", "lost"]), init=False, label=_("Stage kind"))
    stage_entered_at: datetime = field(init=False, label=_("In this stage since"))


def loaded_values(record: Any) -> dict[str, Any]:
    """Return the fields of *record* that are set, in the order of declaration."""
    missing = object()
    pairs = ((name, _slot(record, name, missing)) for name in entity_info(type(record)).fields)
    return {name: value for name, value in pairs if value is not missing}


def _slot(record: Any, name: str, missing: object) -> Any:
    try:
        return object.__getattribute__(record, name)
    except AttributeError:
        return missing


def entity_info(cls: type[Any]) -> EntityInfo:
    """Return what ``@entity`` or ``@extension`` recorded about *cls*.

    Raises:
        DeclarationError: *cls* is no entity.
    """
    info = getattr(cls, "__entity__", None)
    if not isinstance(info, EntityInfo):
        raise DeclarationError(cls.__name__, _("is no entity; decorate it with @entity"))
    return info


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field, ref, any_ref))
def entity(
    id: str,
    *,
    label: Text,
    unique: Sequence[Sequence[str]] = (),
    links: Mapping[str, str] | None = None,
) -> Callable[[type[R]], type[R]]:
    """Return a decorator that makes a class the entity *id*, such as ``sales.deal``.

    *unique* lists groups of fields whose values together occur once. *links* names many-to-many relations and the
    link entity behind each: ``links={"contacts": "sales.deal_contact"}``.

    Raises:
        DeclarationError: the id, a field's name, its annotation or its type is not acceptable.
    """
    if not _ENTITY_ID.match(id):
        raise DeclarationError(id, _("an entity's id is <plugin>.<singular> in lower case"))

    def make(cls: type[R]) -> type[R]:
        bases: tuple[type[Any], ...] = cls.__mro__
        if Record not in bases:
            raise DeclarationError(id, _("an entity is built on Record, Owned or Pipelined"))
        made = _build(cls, id)
        made.__entity__ = _describe(made, id, label, tuple(map(tuple, unique)), dict(links or {}), None)
        made.f = FieldNamespace(id)
        return typing.cast("type[R]", made)

    return make


class ExtensionRecord:
    """The values that a plugin adds to one record of another plugin's entity."""

    __slots__ = ()
    __entity__: ClassVar[EntityInfo]
    __crmkit_own__: ClassVar[dict[str, Any]] = {}

    @classmethod
    def of(cls: type[T], reader: Any, record: Any) -> T:
        """Return the values that *record* has; defaults where nothing was ever written.

        Fields that the reader may not read are missing.
        """
        return typing.cast("T", reader.extension(cls, record))

    __getattr__ = vars(Record)["__getattr__"]
    __repr__ = vars(Record)["__repr__"]
    __eq__ = vars(Record)["__eq__"]
    __hash__ = None  # type: ignore[assignment]


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field, ref, any_ref))
def extension(*, of: str, label: Text | None = None) -> Callable[[type[T]], type[T]]:
    """Return a decorator that makes a class the fields which its plugin adds to the entity *of*.

    In rules, imports and the API the fields carry the plugin's name: ``membership.tier``.

    Raises:
        DeclarationError: *of* is no entity id, or a field is not acceptable.
    """
    if not _ENTITY_ID.match(of):
        raise DeclarationError(of, _("an entity's id is <plugin>.<singular> in lower case"))

    def make(cls: type[T]) -> type[T]:
        based = types.new_class(cls.__name__, (ExtensionRecord,), exec_body=lambda ns: ns.update(_body(cls)))
        made = _build(based, of)
        made.__entity__ = _describe(made, of, label or Text(cls.__name__), (), {}, of)
        return typing.cast("type[T]", made)

    return make


def _body(cls: type[Any]) -> dict[str, Any]:
    return {k: v for k, v in vars(cls).items() if k not in {"__dict__", "__weakref__"}}


def _build(cls: type[Any], where: str) -> Any:
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
    namespace = {k: v for k, v in _body(cls).items() if k not in own} | {"__annotations__": {}}
    plain = types.new_class(cls.__name__, cls.__bases__, exec_body=lambda body: body.update(namespace))
    made: Any = attrs.define(these=these, slots=True, frozen=True, eq=False, repr=False, kw_only=True)(plain)
    made.__crmkit_fields__ = collected
    return made


def _describe(
    cls: type[Any],
    id: str,
    label: Text,
    unique: tuple[tuple[str, ...], ...],
    links: Mapping[str, str],
    host: str | None,
) -> EntityInfo:
    infos = {name: _field_info(id, name, a, f) for name, (a, f) in cls.__crmkit_fields__.items()}
    derived = {c.name: c for base in reversed(cls.__mro__) for c in vars(base).values() if isinstance(c, computed)}
    return EntityInfo(id, cls, label, infos, derived, unique, links, host)


def _field_info(entity_id: str, name: str, annotation: Any, attribute: Any) -> FieldInfo:
    spec: _Spec = attribute.metadata[_SPEC]
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
        personal=spec.personal,
        purpose=spec.purpose,
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
