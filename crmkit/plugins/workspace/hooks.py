"""What the plugin adds to crmkit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crmkit import (
    Action,
    Automation,
    DemoPart,
    Job,
    Problem,
    RecordSchedule,
    Restriction,
    Role,
    Schedule,
    Section,
    Shipped,
    ShippedKind,
    StoredNames,
    Subscriber,
    TimelinePart,
    Verb,
    Write,
    WriteContext,
    hookimpl,
)

from . import automations, demo, entities, jobs, roles, sections, services, verbs, views


@hookimpl
def crmkit_register_entities() -> Sequence[type[Any]]:
    """Declare tasks, comments, files, tags, views and notifications."""
    return [*entities.ENTITIES]


@hookimpl
def crmkit_register_roles() -> Sequence[Role | Restriction]:
    """Ship the roles, and keep notifications to those whom they are for."""
    return roles.ROLES


@hookimpl
def crmkit_register_sections() -> Sequence[Section | TimelinePart]:
    """Show tasks, comments, files and tags with every record."""
    return sections.SECTIONS


@hookimpl
def crmkit_register_verbs() -> Sequence[Verb]:
    """Offer what is done with tasks, notifications, meetings and views by name."""
    return verbs.VERBS


@hookimpl
def crmkit_register_subscribers() -> Sequence[Subscriber]:
    """Notify people of what others do."""
    return jobs.SUBSCRIBERS


@hookimpl
def crmkit_register_jobs() -> Sequence[Job]:
    """Remind people, and clear notifications away."""
    return jobs.JOBS


@hookimpl
def crmkit_register_schedules() -> Sequence[Schedule | RecordSchedule]:
    """Remind people in time, and clear notifications away every night."""
    return jobs.SCHEDULES


@hookimpl
def crmkit_register_actions() -> Sequence[Action]:
    """Let automations make tasks and tell people something."""
    return automations.ACTIONS


@hookimpl
def crmkit_register_automations() -> Sequence[Automation]:
    """Ship the automations."""
    return automations.AUTOMATIONS


@hookimpl
def crmkit_register_shipped_kinds() -> Sequence[ShippedKind]:
    """Let any plugin ship views."""
    return views.SHIPPED_KINDS


@hookimpl
def crmkit_register_shipped() -> Sequence[Shipped]:
    """Ship the views of tasks."""
    return views.SHIPPED


@hookimpl
def crmkit_register_stored_names() -> Sequence[StoredNames]:
    """Let views follow fields that are renamed."""
    return views.STORED_NAMES


@hookimpl
def crmkit_before_write(context: WriteContext, writes: Sequence[Write]) -> None:
    """Keep tasks and meetings consistent, and make the tasks of the stages that records enter."""
    services.settle_tasks(context, writes)
    services.settle_meetings(context, writes)
    services.add_entry_tasks(context, writes)


@hookimpl
def crmkit_check_write(context: WriteContext, writes: Sequence[Write]) -> Sequence[Problem]:
    """Refuse files whose content was not uploaded with them, and meetings that could not take place."""
    return [*services.check_contents(context, writes), *services.check_meetings(context, writes)]


@hookimpl
def crmkit_register_demo() -> DemoPart:
    """Take part in the demo company."""
    return demo.PART
