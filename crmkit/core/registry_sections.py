"""What must hold of sections and parts of time lines: their entity, their routes and every field that they name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from crmkit.core.entity import EntityInfo
from crmkit.core.errors import CrmkitError, DeclarationError
from crmkit.core.fields import AnyReference, DateTime, Reference
from crmkit.core.registry_encryption import has_order
from crmkit.core.rules.rule import Rule
from crmkit.core.sections import Route, Section, Through, TimelinePart
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.registry import Registry

__all__ = ["check_sections"]

CheckRule = Callable[["Registry", str, str, Rule], Iterator[CrmkitError]]


def check_sections(registry: Registry, check_rule: CheckRule) -> Iterator[CrmkitError]:
    """Yield every reason why sections and parts of time lines cannot be shown."""
    declared: list[Section | TimelinePart] = [*registry.sections.values(), *registry.timeline_parts.values()]
    for shown in declared:
        info = registry.entities.get(shown.entity)
        if info is None:
            yield DeclarationError(shown.id, _("there is no entity {entity!r}"), entity=shown.entity)
            continue
        for route in shown.via:
            yield from _check_route(registry, shown.id, info, route)
        if isinstance(shown, Section):
            yield from _check_fields(shown, info)
            if shown.where is not None:
                yield from check_rule(registry, shown.id, info.id, shown.where)
        else:
            yield from _check_moment(shown, info)


def _check_route(registry: Registry, where: str, info: EntityInfo, route: Route) -> Iterator[CrmkitError]:
    if isinstance(route, Through):
        between = registry.entities.get(route.entity)
        near = between.fields.get(route.near) if between else None
        if between is None or near is None or not _leads_to(near.type, info):
            message = _("{field} is no reference to {entity}")
            yield DeclarationError(where, message, field=f"{route.entity}.{route.near}", entity=info.id)
        else:
            yield from _check_route(registry, where, between, route.far)
        return
    hop, _dot, rest = route.partition(".")
    field = info.leading(hop)
    if field is None:
        message = _("{entity} has no relation {relation!r}")
        yield DeclarationError(where, message, entity=info.id, relation=hop)
    elif rest and isinstance(field.type, Reference) and field.type.entity in registry.entities:
        yield from _check_route(registry, where, registry.entities[field.type.entity], rest)


def _leads_to(kind: object, info: EntityInfo) -> bool:
    return isinstance(kind, AnyReference) or (isinstance(kind, Reference) and kind.entity == info.id)


def _check_fields(section: Section, info: EntityInfo) -> Iterator[CrmkitError]:
    measured = [measure.field for measure in section.measures.values() if measure.field is not None]
    worked_out = [*(name.removeprefix("-") for name in section.order_by), *measured]
    for name in (*section.fields, *worked_out):
        if name not in info.fields and name not in info.computed:
            yield DeclarationError(section.id, _("names the unknown field {field!r}"), field=f"{info.id}.{name}")
    for name in worked_out:
        if name in info.fields and info.fields[name].encrypted:
            message = _("orders or measures by {field!r}, which is encrypted")
            yield DeclarationError(section.id, message, field=f"{info.id}.{name}")


def _check_moment(part: TimelinePart, info: EntityInfo) -> Iterator[CrmkitError]:
    if part.at is None and not info.pipelined:
        yield DeclarationError(part.id, _("{entity!r} is no Pipelined entity"), entity=info.id)
    elif part.at is not None and not has_order(info.fields.get(part.at), DateTime):
        yield DeclarationError(part.id, _("{field!r} is no moment"), field=f"{info.id}.{part.at}")
