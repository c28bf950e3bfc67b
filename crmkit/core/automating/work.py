"""The subscribers, jobs and schedules that run automations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from crmkit.core.automating.automation import Automation
from crmkit.core.automating.parts import OnCron, OnDue, OnEvent, OnWrite
from crmkit.core.events import EventInfo, Subscriber, Trigger
from crmkit.core.jobs import DueRecord, Job, RecordSchedule, Schedule
from crmkit.core.jobs.limits import AUTOMATIONS

if TYPE_CHECKING:
    from crmkit.core.jobs.context import WorkContext

__all__ = ["STRIKE", "Struck", "Work", "is_derived", "work_of"]

_TIME = timedelta(seconds=30)


@attrs.frozen
class Struck:
    """For which automation the clock has struck."""

    automation: str


@attrs.frozen
class Work:
    """What the worker has to know of all automations, by id."""

    subscribers: dict[str, Subscriber] = attrs.field(factory=dict)
    jobs: dict[str, Job] = attrs.field(factory=dict)
    schedules: dict[str, Schedule] = attrs.field(factory=dict)
    record_schedules: dict[str, RecordSchedule] = attrs.field(factory=dict)


def is_derived(id_: str) -> bool:
    """Return whether the work *id_* is that of an automation."""
    return id_.startswith(f"{AUTOMATIONS}:")


def work_of(automations: Iterable[Automation], events: Mapping[str, EventInfo]) -> Work:
    """Return what runs those of *automations* that are active."""
    made = Work()
    for each in sorted(automations, key=lambda automation: (automation.position, automation.id)):
        if each.is_active:
            _add(made, each, events)
    return made


def _add(made: Work, each: Automation, events: Mapping[str, EventInfo]) -> None:
    id_ = f"{AUTOMATIONS}:{each.id}"
    match each.trigger:
        case OnWrite(kinds=kinds, changes=changes, enters=enters, stages=stages):
            trigger = Trigger(each.entity, kinds, changes, enters, stages)
            made.subscribers[id_] = Subscriber(id_, trigger, partial(_react, each.id), _TIME, since=each.since)
        case OnEvent(event=event) if event in events:
            told = events[event].cls
            made.subscribers[id_] = Subscriber(id_, told, partial(_react, each.id), _TIME, since=each.since)
        case OnCron(cron=cron):
            made.jobs[id_] = Job(id_, partial(_come_due, each.id), DueRecord, _TIME)
            made.schedules[id_] = Schedule(id_, cron, STRIKE.id, Struck(each.id))
        case OnDue(at=at, days=days, hours=hours):
            made.jobs[id_] = Job(id_, partial(_come_due, each.id), DueRecord, _TIME)
            offset = timedelta(days=days, hours=hours)
            made.record_schedules[id_] = RecordSchedule(id_, each.entity, at, id_, each.condition, offset)


# Running knows writers and all below them; what declares does not load it.


def _react(id_: str, context: WorkContext, told: Any) -> None:
    from crmkit.core.automating.running import react

    react(id_, context, told)


def _come_due(id_: str, context: WorkContext, due: DueRecord) -> None:
    from crmkit.core.automating.running import come_due

    come_due(id_, context, due)


def _strike(context: WorkContext, struck: Struck) -> None:
    from crmkit.core.automating.running import strike

    strike(struck.automation, context)


STRIKE = Job("core.strike_automation", _strike, Struck)
