"""What the plugin adds to crmkit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crmkit import DemoPart, Problem, Role, Section, TimelinePart, Write, WriteContext, hookimpl

from . import demo, entities, roles, sections, services


@hookimpl
def crmkit_register_entities() -> Sequence[type[Any]]:
    """Declare tasks, comments, files, tags and views."""
    return [*entities.ENTITIES]


@hookimpl
def crmkit_register_roles() -> Sequence[Role]:
    """Ship the roles."""
    return roles.ROLES


@hookimpl
def crmkit_register_sections() -> Sequence[Section | TimelinePart]:
    """Show tasks, comments, files and tags with every record."""
    return sections.SECTIONS


@hookimpl
def crmkit_before_write(context: WriteContext, writes: Sequence[Write]) -> None:
    """Keep tasks consistent, and make the tasks of the stages that records enter."""
    services.settle_tasks(context, writes)
    services.add_entry_tasks(context, writes)


@hookimpl
def crmkit_check_write(context: WriteContext, writes: Sequence[Write]) -> Sequence[Problem]:
    """Refuse files whose content was not uploaded with them."""
    return services.check_contents(context, writes)


@hookimpl
def crmkit_register_demo() -> DemoPart:
    """Take part in the demo company."""
    return demo.PART
