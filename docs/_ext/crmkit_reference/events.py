"""The catalogue of events as other programs are told them: those that plugins declare, and the ways of writing."""

from __future__ import annotations

from crmkit.cli.project import first_party_plugins
from crmkit.core.configuration.config import Config
from crmkit.core.crm import CRM
from crmkit.core.events.types import EventType, all_event_types

__all__ = ["find_event_types", "render"]


def find_event_types() -> list[EventType]:
    """Return every type of event that crmkit and the plugins that come with it can tell."""
    crm = CRM(Config(plugins=first_party_plugins()))
    try:
        return list(all_event_types(crm.registry).values())
    finally:
        crm.close()


def render() -> str:
    """Return a Markdown table of the declared events, and one of the ways of writing by entity."""
    found = find_event_types()
    declared = "".join(f"| `{e.type}` | {e.label} | `{e.entity}` |\n" for e in found if e.event is not None)
    by_entity: dict[str, list[str]] = {}
    for each in found:
        if each.event is None:
            by_entity.setdefault(each.entity, []).append(f"`{each.type.split('.')[-2]}`")
    written = "".join(f"| `crm.{entity}.…` | {', '.join(kinds)} |\n" for entity, kinds in sorted(by_entity.items()))
    return f"""
## What plugins declare

| Type | Told when | Of a |
|-|-|-|
{declared}
## What every entity has

Where a word is missing, a plugin has declared an event of that name.

| Type | Words, each with `.v1` behind it |
|-|-|
{written}"""
