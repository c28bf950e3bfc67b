"""What events are called outside: types as CloudEvents has them, such as ``crm.sales.deal.won.v1``.

Every way of writing a record of any entity has a type. Where a plugin declares an event of the same name, in whatever
version, that takes its place: it says more precisely when it is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from crmkit.core.events.declaring import EventInfo
from crmkit.core.policy.roles import EVERY_ENTITY
from crmkit.core.text import Text, gettext as _

if TYPE_CHECKING:
    from crmkit.core.policy.access import Access
    from crmkit.core.reading.known_events import KnownEvent
    from crmkit.core.reading.reader import Reader
    from crmkit.core.registry import Registry

__all__ = ["EventType", "all_event_types", "event_types", "types_of"]

_PAST = {
    "create": ("created", _("Created")),
    "update": ("updated", _("Updated")),
    "delete": ("deleted", _("Deleted")),
    "restore": ("restored", _("Restored")),
    "transfer": ("transferred", _("Transferred")),
    "move": ("moved", _("Moved")),
    "merge": ("merged", _("Merged")),
    "unmerge": ("unmerged", _("Merge undone")),
}


@attrs.frozen
class EventType:
    """A *type* of event, the *entity* of whose records it tells, and what people call it.

    *event* is the id of the event that a plugin declares, and *label* what that is called. Of a write that no plugin
    has named *event* is ``None``, and *label* says only how it was written.
    """

    type: str
    entity: str
    event: str | None
    label: Text


def types_of(reader: Reader, known: KnownEvent) -> list[str]:
    """Return the types of the events that a write is, as far as *reader*, which knows it, may know."""
    registry = reader.model.registry
    declared = [_type_of_event(registry.events[event]) for event in known.events]
    if known.kind not in _PAST:
        return declared
    # The event whose type has the same name, if a plugin declares one: sales.deal_created for sales.deal.
    same = registry.events.get(f"{known.entity}_{_PAST[known.kind][0]}")
    if same is not None and same.trigger.entity == known.entity:
        return declared
    return [_type_of_write(known.entity, known.kind), *declared]


def _type_of_event(info: EventInfo) -> str:
    """Return the type of a declared event: ``sales.deal_won`` of a ``sales.deal`` is ``crm.sales.deal.won.v1``."""
    plugin, _dot, what = info.id.partition(".")
    noun = info.trigger.entity.partition(".")[2]
    if info.trigger.entity == f"{plugin}.{noun}" and what.startswith(f"{noun}_"):
        what = f"{noun}.{what.removeprefix(f'{noun}_')}"
    return f"crm.{plugin}.{what}.v{info.version}"


def _type_of_write(entity: str, kind: str) -> str:
    return f"crm.{entity}.{_PAST[kind][0]}.v1"


def _name_of(type_: str) -> str:
    """Return *type_* without its version."""
    return type_.rpartition(".")[0]


def all_event_types(registry: Registry) -> dict[str, EventType]:
    """Return everything that can be told, by type, in the order of entities."""
    found: dict[str, EventType] = {}
    for entity in sorted(registry.entities):
        for each in _types_of(registry, entity):
            found[_name_of(each.type)] = each
    return {each.type: each for each in found.values()}


def _types_of(registry: Registry, entity: str) -> Iterator[EventType]:
    info = registry.entities[entity]
    for kind, (_past, label) in _PAST.items():
        if (kind != "move" or info.pipelined) and (kind != "transfer" or "owner_id" in info.fields):
            yield EventType(_type_of_write(entity, kind), entity, None, label)
    for event in registry.events.values():
        if event.trigger.entity in (entity, EVERY_ENTITY):
            yield EventType(_type_of_event(event), event.trigger.entity, event.id, event.label)


def event_types(reader: Reader) -> list[EventType]:
    """Return the types of events that *reader* may be told of: those of entities of which they may read something."""
    registry = reader.model.registry
    return [each for each in all_event_types(registry).values() if _may_concern(reader.access, each, registry)]


def _may_concern(access: Access, event_type: EventType, registry: Registry) -> bool:
    if access.is_system or event_type.entity == EVERY_ENTITY:
        return True
    theirs = access.entity(registry.entities[event_type.entity])
    return bool(theirs.shared or theirs.scope("read"))
