"""Whether what plugins ship as records fits the entities that it becomes records of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from crmkit.core.entity import EntityInfo
from crmkit.core.errors import CrmkitError, DeclarationError
from crmkit.core.fields import Refused
from crmkit.core.shipped.shipping import Shipped, ShippedKind
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.registry import Registry

__all__ = ["check_shipped"]


def check_shipped(registry: Registry) -> Iterator[CrmkitError]:
    """Yield every reason why kinds of shipped records, and such records, do not fit into *registry*."""
    sound = dict[str, ShippedKind]()
    for kind in registry.shipped_kinds.values():
        reasons = list(_check_kind(registry, kind))
        yield from reasons
        if not reasons:
            sound[kind.id] = kind
    for thing in registry.shipped.values():
        if thing.kind in sound:
            yield from _check_thing(registry.entities[thing.kind], sound[thing.kind], thing)


def _check_kind(registry: Registry, kind: ShippedKind) -> Iterator[CrmkitError]:
    info = registry.entities.get(kind.id)
    if info is None:
        yield DeclarationError(kind.id, _("there is no entity {entity!r}"), entity=kind.id)
        return
    for name in (*kind.fields, *kind.defaults, *kind.words):
        field = info.fields.get(name)
        if field is None or name not in kind.fields:
            yield DeclarationError(kind.id, _("{name!r} is none of the fields that are shipped"), name=name)
        elif field.encrypted or len(field.columns()) > 1:
            message = _("{name!r} is encrypted or kept in several columns; such a field is not shipped")
            yield DeclarationError(kind.id, message, name=name)


def _check_thing(info: EntityInfo, kind: ShippedKind, thing: Shipped) -> Iterator[CrmkitError]:
    where, given = f"{kind.id} {thing.id}", {**kind.defaults, **thing.values}
    for name, value in given.items():
        if name not in kind.fields:
            known = ", ".join(kind.fields)
            yield DeclarationError(where, _("there is no field {name!r}; there are {known}"), name=name, known=known)
        elif (reason := _reason(info, name, value)) is not None:
            yield DeclarationError(f"{where}.{name}", _("{reason}"), reason=reason)
    for name in kind.fields:
        field = info.fields[name]
        if not field.nullable and not field.has_default and name not in given:
            yield DeclarationError(where, _("{name} must have a value"), name=name)


def _reason(info: EntityInfo, name: str, value: Any) -> str | None:
    from crmkit.core.representing.plain import from_plain

    try:
        from_plain(info.fields[name].type, value)
    except Refused as refused:
        return str(refused.message).format(**refused.facts)
    return None
