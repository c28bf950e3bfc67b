"""Declaring the fields of an entity: plain ones, references, and values derived from others."""

from __future__ import annotations

import typing
from collections.abc import Callable, Sequence
from typing import Any, Generic, Literal, TypeVar, overload

import attrs

from crmkit.core import fields as types_
from crmkit.core.entity.hiding import is_hidden
from crmkit.core.fields import FieldType
from crmkit.core.text import Text

__all__ = ["FieldSpec", "any_ref", "computed", "field", "ref", "spec_of"]

T = TypeVar("T")
V = TypeVar("V")
_SPEC = "crmkit"


@attrs.frozen
class FieldSpec:
    """What :func:`field` was told."""

    type: FieldType | None
    label: Text | None
    help: Text | None
    search: bool
    indexed: bool
    unique: bool
    personal: bool | None
    purpose: str | None
    kept: Text | None = None
    formerly: tuple[str, ...] = ()
    encrypted: bool = False
    blind_index: bool = False
    credential: bool = False


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
    personal: bool | None = None,
    purpose: str | None = None,
    kept: Text | None = None,
    formerly: str | Sequence[str] = (),
    encrypted: bool = False,
    blind_index: bool = False,
    credential: bool = False,
) -> Any:
    """Declare one field of an entity.

    *type* may be left out where the annotation says enough (``str``, ``int``, ``Decimal``, ``Money``, ``bool``,
    ``date``, ``datetime``). *search* puts it into full-text search; *indexed* makes filtering and sorting by it fast
    at a million records; *unique* refuses a second record with the same value, deleted ones aside. *personal*
    marks personal data kept for *purpose*; export and erasure follow it. ``personal=False`` says that what looks like
    personal data is none. *kept* is the reason for which an erasure leaves the value where the record has to stay.
    *formerly* names what the field was called before, so that histories tell its earlier values under its name of
    today. An *encrypted* field is unreadable in the database, in its ledger and in its backups; with a *blind_index* it
    can be asked for by ``==`` and ``in``, which tells whoever has the database which records have the same value. A
    *credential* proves who somebody is: it is encrypted, told where its own record is read or written, and leaves by no
    other way: no list, file, message or history has its value, and nothing stands beside another record.
    """
    former = (formerly,) if isinstance(formerly, str) else tuple(formerly)
    spec = FieldSpec(
        type,
        label,
        help,
        search,
        indexed,
        unique,
        personal,
        purpose,
        kept,
        former,
        encrypted,
        blind_index,
        credential,
    )
    if factory is not None:
        return attrs.field(factory=factory, init=init, kw_only=True, metadata={_SPEC: spec})
    return attrs.field(default=default, init=init, kw_only=True, metadata={_SPEC: spec})


def spec_of(attribute: Any) -> FieldSpec | None:
    """Return what :func:`field` was told about *attribute*; ``None`` if it is no field."""
    spec: FieldSpec | None = getattr(attribute, "metadata", {}).get(_SPEC)
    return spec


def ref(
    entity: str,
    *,
    default: Any = attrs.NOTHING,
    init: bool = True,
    follows: bool = False,
    on_delete: Literal["restrict", "clear", "cascade"] = "restrict",
    on_leave: Literal["transfer", "clear", "end", "keep"] = "keep",
    goes_along: str | None = None,
    about: bool | None = None,
    label: Text | None = None,
    help: Text | None = None,
    indexed: bool = True,
    unique: bool = False,
    formerly: str | Sequence[str] = (),
) -> Any:
    """Declare a reference to a record of *entity*; the field's name ends in ``_id``. See :class:`Reference`."""
    kind = types_.Reference(
        entity, follows=follows, on_delete=on_delete, on_leave=on_leave, goes_along=goes_along, about=about
    )
    return field(
        kind, default=default, init=init, label=label, help=help, indexed=indexed, unique=unique, formerly=formerly
    )


def any_ref(
    *,
    also: Sequence[str] = (),
    goes_along: str | None = None,
    about: bool = True,
    default: Any = attrs.NOTHING,
    label: Text | None = None,
    help: Text | None = None,
) -> Any:
    """Declare a reference to a record of any entity; the value is a :class:`Target`. See :class:`AnyReference`."""
    kind = types_.AnyReference(also, goes_along, about)
    return field(kind, default=default, label=label, help=help, indexed=True)


class computed(Generic[T]):
    """A value derived from other fields: a property in memory, an expression in SQL.

    The decorated function gets the record, or in SQL a namespace of its columns; where one expression cannot serve
    both, :meth:`sql` gives another for SQL. It is readable by those who may read all fields in *needs*, unless it is
    hidden itself; then it raises like any hidden field.
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
        if record is None:
            return self
        if is_hidden(record, self.name):
            # Python then asks the record's __getattr__, which answers as for a field that does not exist.
            raise AttributeError(self.name)
        return self.in_memory(record)
