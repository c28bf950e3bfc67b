"""What the plugin adds to crmkit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crmkit import (
    Automation,
    DemoPart,
    Event,
    InboundHook,
    Job,
    Pipeline,
    Problem,
    Role,
    Schedule,
    Section,
    Shipped,
    Subscriber,
    TimelinePart,
    Verb,
    Write,
    WriteContext,
    hookimpl,
)

from . import automations, demo, entities, events, jobs, pipelines, roles, sections, services, verbs, views


@hookimpl
def crmkit_register_entities() -> Sequence[type[Any]]:
    """Declare leads and deals."""
    return [entities.Lead, entities.Deal]


@hookimpl
def crmkit_register_roles() -> Sequence[Role]:
    """Ship the roles."""
    return roles.ROLES


@hookimpl
def crmkit_register_verbs() -> Sequence[Verb]:
    """Offer what is done with leads and deals by name."""
    return verbs.VERBS


@hookimpl
def crmkit_register_pipelines() -> Sequence[Pipeline]:
    """Ship the pipelines of leads and deals."""
    return pipelines.PIPELINES


@hookimpl
def crmkit_register_sections() -> Sequence[Section | TimelinePart]:
    """Show leads and deals with companies, contacts and products."""
    return sections.SECTIONS


@hookimpl
def crmkit_register_events() -> Sequence[type[Event]]:
    """Tell of deals that move, are won or lost, and of leads that are converted."""
    return events.EVENTS


@hookimpl
def crmkit_register_subscribers() -> Sequence[Subscriber]:
    """Make a customer of who buys."""
    return jobs.SUBSCRIBERS


@hookimpl
def crmkit_register_jobs() -> Sequence[Job]:
    """Look through all deals for who has bought."""
    return jobs.JOBS


@hookimpl
def crmkit_register_inbound_hooks() -> Sequence[InboundHook]:
    """Take leads from a website."""
    return jobs.INBOUND_HOOKS


@hookimpl
def crmkit_register_schedules() -> Sequence[Schedule]:
    """Do so every night."""
    return jobs.SCHEDULES


@hookimpl
def crmkit_register_automations() -> Sequence[Automation]:
    """Ship the automations."""
    return automations.AUTOMATIONS


@hookimpl
def crmkit_register_shipped() -> Sequence[Shipped]:
    """Ship the views of leads and deals."""
    return views.SHIPPED


@hookimpl
def crmkit_before_write(context: WriteContext, writes: Sequence[Write]) -> None:
    """Keep on which day a deal was engaged and closed; let what is reopened forget why it was closed."""
    services.keep_days(context, writes)
    services.forget_reasons(context, writes)


@hookimpl
def crmkit_check_write(context: WriteContext, writes: Sequence[Write]) -> Sequence[Problem]:
    """Refuse deals that are made closed on a day still to come, or whose day is put off to one."""
    return services.check_closing_days(context, writes)


@hookimpl
def crmkit_check_move(context: WriteContext, writes: Sequence[Write]) -> Sequence[Problem]:
    """Refuse deals that would be closed on a day still to come."""
    return services.check_closing_days(context, writes, kinds=["move"])


@hookimpl
def crmkit_register_demo() -> DemoPart:
    """Take part in the demo company."""
    return demo.PART
