"""Running automations: on deliveries of events, on records that are due, and when the clock strikes.

What an automation writes, what is kept of its run, and that its work is done are one transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import attrs

from crmkit.core.automating.acting import act, find_subject
from crmkit.core.automating.automation import Automation
from crmkit.core.automating.keeping import Kept, keep_run, switch_off_if_hopeless
from crmkit.core.errors import TryAgainError
from crmkit.core.events.declaring import Event
from crmkit.core.jobs.context import WorkContext
from crmkit.core.jobs.errors import LeaseLostError, UnknownJobError
from crmkit.core.jobs.limits import AUTOMATIONS
from crmkit.core.jobs.schedule import DueRecord

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["Occasion", "come_due", "perform", "react", "strike"]

# How many records one stroke of the clock is for at most.
_MOST_STRUCK = 10_000


@attrs.frozen
class Occasion:
    """What sets an automation off: its *key* tells it from other occasions, *record* is what it is about."""

    key: str
    record: UUID


def perform(db: Writer, automation: Automation, occasion: Occasion) -> Kept:
    """Do what *automation* does on *occasion* and return what came of it.

    Raises:
        CrmkitError: whatever an action is refused with; the transaction is not to be committed then.
    """
    before = len(db.pending)
    record = find_subject(db, automation, occasion.record)
    if record is None:
        return Kept("unmet")
    told = act(db, automation, record)
    return Kept("done", db.pending[before:], told=told)


def react(id_: str, context: WorkContext, told: Event) -> None:
    """Run the automation on an event."""
    _run(context, _declared(context, id_), Occasion(f"#{told.position}", told.record_id))


def come_due(id_: str, context: WorkContext, due: DueRecord) -> None:
    """Run the automation on a record that is due."""
    _run(context, _declared(context, id_), Occasion(f"{due.record_id} {due.due_at.isoformat()}", due.record_id))


def strike(id_: str, context: WorkContext) -> None:
    """Enqueue a job for each record that the automation is for when the clock strikes."""
    automation = _declared(context, id_)
    principal = context.acting(automation.runs_as)
    with context.finish(principal) as db:
        cls = db.entity(automation.entity)
        for record in db.find(cls, automation.condition, limit=_MOST_STRUCK):
            db.enqueue(f"{AUTOMATIONS}:{id_}", DueRecord(automation.entity, record.id, context.now))


def _declared(context: WorkContext, id_: str) -> Automation:
    with context.read() as db:
        found = db.model.registry.automations.get(id_)
    if found is None or not found.is_active:
        raise UnknownJobError(context.name)
    return found


def _run(context: WorkContext, automation: Automation, occasion: Occasion) -> None:
    try:
        principal = context.acting(automation.runs_as)
        with context.finish(principal) as db:
            keep_run(db, automation, occasion.key, occasion.record, perform(db, automation, occasion))
    except (LeaseLostError, TryAgainError):
        raise
    except (Exception, SystemExit) as error:
        with context.aside() as db:
            keep_run(db, automation, occasion.key, occasion.record, Kept("failed", error=error))
            switch_off_if_hopeless(db, automation)
        raise
