"""``@entity`` and ``@extension``: the decorators that turn a class into a declaration."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, dataclass_transform

from crmkit.core.entity.declaring import any_ref, field, ref
from crmkit.core.entity.making import build_class, class_body, describe
from crmkit.core.entity.records import ExtensionRecord, Owned, Pipelined, Record
from crmkit.core.errors import DeclarationError
from crmkit.core.rules.build import FieldNamespace
from crmkit.core.text import Text, gettext as _

__all__ = ["entity", "extension"]

T = TypeVar("T")
R = TypeVar("R", bound=Record)
_ENTITY_ID = re.compile(r"[a-z][a-z0-9_]{0,30}\.[a-z][a-z0-9_]{0,40}\Z")


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field, ref, any_ref))
def entity(
    id: str,
    *,
    label: Text,
    unique: Sequence[Sequence[str]] = (),
    indexes: Sequence[Sequence[str]] = (),
    links: Mapping[str, str] | None = None,
    person: bool = False,
    kept: Text | None = None,
    tells_of: tuple[str, str] | None = None,
) -> Callable[[type[R]], type[R]]:
    """Return a decorator that makes a class the entity *id*, such as ``sales.deal``.

    *unique* lists groups of fields whose values together occur once, *indexes* those by which records are often found
    together, in this order. *links* names many-to-many relations and the
    link entity behind each: ``links={"contacts": "sales.deal_contact"}``. Each record of a *person* entity is somebody
    who may ask what is known about them, and be erased. *kept* is the reason, such as a duty to keep invoices, for
    which records about an erased person stay, without their personal data. *tells_of* names two fields of a log, which
    hold an entity and the id of one of its records: an entry is about that record, though it does not refer to it.

    Raises:
        DeclarationError: the id, a field's name, its annotation or its type is not acceptable.
    """
    if not _ENTITY_ID.match(id):
        raise DeclarationError(id, _("an entity's id is <plugin>.<singular> in lower case"))

    def make(cls: type[R]) -> type[R]:
        bases: tuple[type[Any], ...] = cls.__mro__
        if Record not in bases:
            raise DeclarationError(id, _("an entity is built on Record, Owned or Pipelined"))
        made = build_class(cls, id)
        made.__entity__ = describe(
            made,
            id,
            label,
            tuple(map(tuple, unique)),
            dict(links or {}),
            None,
            owned=Owned in bases,
            pipelined=Pipelined in bases,
            person=person,
            kept=kept,
            indexes=tuple(map(tuple, indexes)),
            tells_of=tells_of,
        )
        made.f = FieldNamespace(id)
        return typing.cast("type[R]", made)

    return make


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
        based = types.new_class(cls.__name__, (ExtensionRecord,), exec_body=lambda ns: ns.update(class_body(cls)))
        made = build_class(based, of)
        made.__entity__ = describe(made, of, label or Text(cls.__name__), (), {}, of)
        return typing.cast("type[T]", made)

    return make
