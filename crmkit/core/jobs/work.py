"""From a lease to the call of a handler."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

import msgspec

from crmkit.core.events import Subscriber
from crmkit.core.jobs.context import WorkContext
from crmkit.core.jobs.errors import UnknownJobError
from crmkit.core.jobs.job import Job
from crmkit.core.jobs.lease import Lease
from crmkit.core.jobs.rows import caused_by
from crmkit.core.jobs.threads import Task

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["task_of"]


def task_of(crm: CRM, lease: Lease, stopping: Event) -> Task:
    """Return the task that does the work of *lease*; it is to come to an end soon once *stopping* is set.

    Raises:
        UnknownJobError: the plugin declares it no longer.
        msgspec.ValidationError: the arguments do not fit what the plugin declares now.
    """
    context = WorkContext(crm, lease, caused_by(lease.name, lease.cause), stopping)
    declared: Subscriber | Job | None
    if lease.kind == "delivery":
        declared = crm.registry.subscribers.get(lease.name)
    else:
        declared = crm.registry.jobs.get(lease.name)
    if declared is None:
        raise UnknownJobError(lease.name)
    given = msgspec.convert(lease.payload, declared.takes if isinstance(declared, Subscriber) else declared.arguments)
    handler, aside = declared.handler, isinstance(declared, Job) and declared.aside

    def call() -> None:
        with crm.observer.work(lease.kind, lease.name, lease.traces or ()):
            handler(context, given)

    return Task(lease, context, call, declared.time_limit.total_seconds(), aside)
