"""What must hold between events, subscribers, jobs and schedules, and what they name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from crmkit.core.errors import CrmkitError, DeclarationError
from crmkit.core.events import RecordChanged, Trigger
from crmkit.core.fields import Date, DateTime
from crmkit.core.inbound import InboundHook, InboundMessage
from crmkit.core.jobs import DueRecord, NoArguments, RecordSchedule, Schedule
from crmkit.core.policy.roles import EVERY_ENTITY
from crmkit.core.registry_checks import check_rule
from crmkit.core.registry_encryption import has_order
from crmkit.core.text import gettext as _
from crmkit.core.verbs import Verb

if TYPE_CHECKING:
    from crmkit.core.registry import Registry

__all__ = ["check_work"]


def check_work(registry: Registry) -> Iterator[CrmkitError]:
    """Yield every reason why what *registry* says of events and jobs does not fit together."""
    for event in registry.events.values():
        yield from _check_trigger(registry, event.id, event.trigger)
    for subscriber in registry.subscribers.values():
        yield from _check_trigger(registry, subscriber.id, subscriber.trigger)
        told = subscriber.event
        if told is not RecordChanged and registry.events.get(told.__event__.id) is not told.__event__:
            message = _("wants to know of {event}, which no enabled plugin tells")
            yield DeclarationError(subscriber.id, message, event=told.__event__.id)
    for job in registry.jobs.values():
        if not attrs.has(job.arguments):
            yield DeclarationError(job.id, _("its arguments are declared by an attrs class"))
    for schedule in registry.schedules.values():
        yield from _check_schedule(registry, schedule)
    for hook in registry.inbound_hooks.values():
        yield from _check_inbound(registry, hook)
    for verb in registry.verbs.values():
        yield from _check_verb(registry, verb)
    for due in registry.record_schedules.values():
        yield from _check_record_schedule(registry, due)


def _check_trigger(registry: Registry, where: str, trigger: Trigger) -> Iterator[CrmkitError]:
    if trigger.entity == EVERY_ENTITY:
        return
    info = registry.entities.get(trigger.entity)
    if info is None:
        yield DeclarationError(where, _("there is no entity {entity!r}"), entity=trigger.entity)
        return
    for name in sorted(trigger.changes - registry.fields(info.id).keys()):
        yield DeclarationError(where, _("names the unknown field {field!r}"), field=f"{info.id}.{name}")
    if (trigger.enters or trigger.stages) and not info.pipelined:
        yield DeclarationError(where, _("{entity!r} is no Pipelined entity"), entity=info.id)
    if trigger.where is not None:
        yield from check_rule(registry, where, info.id, trigger.where)


def _check_schedule(registry: Registry, schedule: Schedule) -> Iterator[CrmkitError]:
    job = registry.jobs.get(schedule.job)
    if job is None:
        yield DeclarationError(schedule.id, _("there is no job {job!r}"), job=schedule.job)
    elif not isinstance(NoArguments() if schedule.arguments is None else schedule.arguments, job.arguments):
        expected = job.arguments.__name__
        yield DeclarationError(schedule.id, _("the job {job} takes {expected}"), job=job.id, expected=expected)


def _check_verb(registry: Registry, verb: Verb) -> Iterator[CrmkitError]:
    from crmkit.core.verbs.types import check_type

    if verb.entity not in registry.entities:
        yield DeclarationError(verb.id, _("there is no entity {entity!r}"), entity=verb.entity)
    if not attrs.has(verb.arguments):
        yield DeclarationError(verb.id, _("its arguments are declared by an attrs class"))
    elif (strange := check_type(verb.arguments)) is not None:
        yield DeclarationError(verb.id, _("no argument of the type {type} can be read"), type=str(strange))


def _check_inbound(registry: Registry, hook: InboundHook) -> Iterator[CrmkitError]:
    job = registry.jobs.get(hook.job)
    if job is None:
        yield DeclarationError(hook.id, _("there is no job {job!r}"), job=hook.job)
    elif job.arguments is not InboundMessage:
        expected = InboundMessage.__name__
        yield DeclarationError(hook.id, _("the job {job} takes {expected}"), job=job.id, expected=expected)


def _check_record_schedule(registry: Registry, due: RecordSchedule) -> Iterator[CrmkitError]:
    job, info = registry.jobs.get(due.job), registry.entities.get(due.entity)
    if job is None:
        yield DeclarationError(due.id, _("there is no job {job!r}"), job=due.job)
    elif job.arguments is not DueRecord:
        yield DeclarationError(due.id, _("the job {job} takes {expected}"), job=job.id, expected="DueRecord")
    if info is None:
        yield DeclarationError(due.id, _("there is no entity {entity!r}"), entity=due.entity)
        return
    if not has_order(info.fields.get(due.at), Date, DateTime):
        yield DeclarationError(due.id, _("{field!r} is no field with a date or a time"), field=f"{info.id}.{due.at}")
    if due.where is not None:
        yield from check_rule(registry, due.id, info.id, due.where)
