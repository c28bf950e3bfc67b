"""What the plugin adds to crmkit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from crmkit import (
    Event,
    InboundSource,
    Job,
    Problem,
    Reader,
    Restriction,
    Role,
    Schedule,
    Section,
    StoredNames,
    Subscriber,
    TimelinePart,
    Write,
    WriteContext,
    hookimpl,
)

from . import entities, events, jobs, roles, sections, services


@hookimpl
def crmkit_register_entities() -> Sequence[type[Any]]:
    """Declare webhooks, their messages, and what is told again."""
    return entities.ENTITIES


@hookimpl
def crmkit_register_roles() -> Sequence[Role | Restriction]:
    """Ship the roles."""
    return roles.ROLES


@hookimpl
def crmkit_register_sections() -> Sequence[Section | TimelinePart]:
    """Show messages with their webhook."""
    return sections.SECTIONS


@hookimpl
def crmkit_register_events() -> Sequence[type[Event]]:
    """Tell of webhooks that were switched off."""
    return events.EVENTS


@hookimpl
def crmkit_register_subscribers() -> Sequence[Subscriber]:
    """Make messages of what happens."""
    return jobs.SUBSCRIBERS


@hookimpl
def crmkit_register_jobs() -> Sequence[Job]:
    """Send messages, and clear old ones away."""
    return jobs.JOBS


@hookimpl
def crmkit_register_schedules() -> Sequence[Schedule]:
    """Clear away every night."""
    return jobs.SCHEDULES


@hookimpl
def crmkit_register_stored_names() -> Sequence[StoredNames]:
    """Say that conditions of webhooks name fields."""
    return [StoredNames("webhooks.endpoint", "entity", rules=["condition"])]


@hookimpl
def crmkit_before_write(context: WriteContext, writes: Sequence[Write]) -> None:
    """Give what is new its user and its secret, and let an old secret count a while longer."""
    services.complete_endpoints(context, writes)
    services.complete_sources(context, writes)


@hookimpl
def crmkit_check_write(context: WriteContext, writes: Sequence[Write]) -> Sequence[Problem]:
    """Refuse what leads nowhere, names what is not there, or would give somebody rights."""
    checks = (services.check_endpoints, services.check_replays, services.check_sources)
    return [problem for check in checks for problem in check(context, writes)]


@hookimpl
def crmkit_find_inbound_source(db: Reader, source: UUID) -> InboundSource | None:
    """Say who may send messages here."""
    return services.find_source(db, source)
