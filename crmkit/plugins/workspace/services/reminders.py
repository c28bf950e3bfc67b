"""What people want to be reminded of: tasks before they are due, and records when they say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from crmkit import (
    DueRecord,
    Event,
    ForbiddenError,
    Reader,
    Record,
    Target,
    User,
    WorkContext,
    Write,
    WriteContext,
    Writer,
)

from ..entities import Reminder, Task
from .meeting_reminders import remind_of_meeting
from .notifications import notify
from .zones import at_nine, earlier, zone_of

__all__ = ["move_reminders", "my_reminders", "remind", "remind_of", "settle_reminders"]

_DECISIVE = ("remind_before", "due_on", "due_at", "owner_id")


def remind(db: Writer, record: Record | None, when: date | datetime, note: str | None = None) -> Reminder:
    """Have the writer reminded of *record*, of what *note* says, or both, and return that.

    A day means nine in the morning in the writer's time zone.

    Raises:
        ForbiddenError: the writer is nobody who could be reminded, or may not have reminders.
    """
    me = db.moment.me
    if me is None:
        raise ForbiddenError("workspace.reminder", "create", "*")
    moment = when if isinstance(when, datetime) else at_nine(when, ZoneInfo(db.access.time_zone))
    target = None if record is None else Target.of(record)
    return db.create(Reminder(recipient_id=me, regarding=target, remind_at=moment, note=note))


def my_reminders(db: Reader) -> list[Reminder]:
    """Return of what the reader is still to be reminded, the next first; to be without one, delete it."""
    return db.find(Reminder, Reminder.f.recipient_id == db.moment.me, order_by="remind_at")


def settle_reminders(context: WriteContext, writes: Sequence[Write]) -> None:
    """Let the reminders of tasks go where their due dates and the time zones of their owners lead."""
    touched = [
        write
        for write in writes
        if write.entity.id == "workspace.task"
        and write.kind in ("create", "update", "transfer")
        and (write.kind == "create" or any(map(write.changes, _DECISIVE)))
        and (write.get("remind_before") is not None or write.changes("remind_before"))
    ]
    if not touched:
        return
    # The owner of a new task is filled in later: it will be who creates it.
    owners = [write.get("owner_id") or context.principal.user_id for write in touched]
    users = context.trusted.get_many(User, {id_ for id_ in owners if id_})
    for write, owner in zip(touched, owners, strict=True):
        zone = zone_of(context.principal, users.get(owner) if owner else None)
        write.set("remind_at", _remind_at(write.get("remind_before"), write.get("due_on"), write.get("due_at"), zone))


def _remind_at(before: int | None, due_on: date | None, due_at: datetime | None, zone: ZoneInfo) -> datetime | None:
    if before is None or due_on is None:
        return None
    return earlier(due_at or at_nine(due_on, zone), before, zone)


def move_reminders(context: WorkContext, event: Event) -> None:
    """Let the reminders of open tasks go where the owner has gone: into another time zone."""
    with context.finish() as db:
        user = db.get_many(User, [event.record_id]).get(event.record_id)
        if user is None:
            return
        zone = zone_of(db.access, user)
        rule = (Task.f.owner_id == user.id) & ~Task.f.is_done & Task.f.remind_before.is_not_null()
        moved = ((task, _remind_at(task.remind_before, task.due_on, task.due_at, zone)) for task in db.find(Task, rule))
        db.update_many([(task, {"remind_at": at}) for task, at in moved if at != task.remind_at])


def remind_of(context: WorkContext, due: DueRecord) -> None:
    """Remind of a task, a meeting or a record, unless that was put off, done or deleted meanwhile."""
    remind = {"workspace.task": _remind_of_task, "workspace.meeting": remind_of_meeting}.get(due.entity)
    with context.finish() as db:
        (remind or _remind_as_asked)(db, due)


def _remind_of_task(db: Writer, due: DueRecord) -> None:
    task = db.get_many(Task, [due.record_id]).get(due.record_id)
    if task is not None and not task.is_done and task.remind_at == due.due_at and task.owner_id is not None:
        notify(db, task.owner_id, "reminder", regarding=Target.of(task))


def _remind_as_asked(db: Writer, due: DueRecord) -> None:
    reminder = db.get_many(Reminder, [due.record_id]).get(due.record_id)
    if reminder is not None and reminder.remind_at == due.due_at:
        notify(db, reminder.recipient_id, "reminder", regarding=reminder.regarding, note=reminder.note)
        db.delete(reminder)
