"""What is done after something has happened, and every night: people are told, and what is old is cleared away."""

from __future__ import annotations

from datetime import timedelta

from crmkit import DueRecord, Job, NoArguments, RecordSchedule, Schedule, Subscriber, Trigger, WorkContext

from . import services
from .entities import Notification

__all__ = ["JOBS", "SCHEDULES", "SUBSCRIBERS", "clear_notifications"]

KEPT = timedelta(days=90)
_AT_ONCE = 500
_LONG = timedelta(seconds=30)


def clear_notifications(context: WorkContext, _arguments: NoArguments) -> None:
    """Throw away the notifications of more than 90 days ago, read or not."""
    done = 0
    while True:
        with context.write() as db:
            old = db.find(Notification, Notification.f.created_at < context.now - KEPT, limit=_AT_ONCE)
            db.delete_many(old)
        done += len(old)
        if len(old) < _AT_ONCE:
            return
        context.progress(done)


SUBSCRIBERS = [
    Subscriber(
        "workspace.tell_owner_of_task",
        Trigger("workspace.task", kinds=["create", "transfer"]),
        services.tell_owner_of_task,
    ),
    Subscriber("workspace.tell_of_transfer", Trigger("*", kinds=["transfer"]), services.tell_of_transfer),
    Subscriber(
        "workspace.tell_of_invitation", Trigger("workspace.attendance", kinds=["create"]), services.tell_of_invitation
    ),
    Subscriber("workspace.tell_of_win", Trigger("*", kinds=["move"]), services.tell_of_win, time_limit=_LONG),
    Subscriber(
        "workspace.tell_of_comment",
        Trigger("workspace.comment", kinds=["create", "update"]),
        services.tell_of_comment,
        time_limit=_LONG,
    ),
    Subscriber(
        "workspace.move_reminders",
        Trigger("core.user", kinds=["update"], changes=["time_zone"]),
        services.move_reminders,
        time_limit=_LONG,
    ),
    Subscriber(
        "workspace.move_reminder_of_exception",
        Trigger("workspace.meeting_exception", kinds=["create", "update", "delete", "restore"]),
        services.move_meeting_reminder,
    ),
    Subscriber(
        "workspace.move_reminder_of_meeting",
        Trigger("workspace.meeting", kinds=["restore"]),
        services.move_meeting_reminder,
    ),
]
JOBS = [
    Job("workspace.deliver_messages", services.deliver_messages, services.Messages, time_limit=_LONG),
    Job("workspace.clear_notifications", clear_notifications, time_limit=timedelta(minutes=30), priority="low"),
    Job("workspace.catch_up_reminders", services.catch_up_reminders, time_limit=timedelta(minutes=30), priority="low"),
    Job("workspace.remind", services.remind_of, DueRecord, priority="high"),
]
SCHEDULES: list[Schedule | RecordSchedule] = [
    Schedule("workspace.clear_notifications_nightly", "40 3 * * *", "workspace.clear_notifications"),
    RecordSchedule(
        "workspace.task_reminders", "workspace.task", at="remind_at", where="!is_done", job="workspace.remind"
    ),
    RecordSchedule("workspace.meeting_reminders", "workspace.meeting", at="remind_at", job="workspace.remind"),
    Schedule("workspace.catch_up_reminders_nightly", "45 3 * * *", "workspace.catch_up_reminders"),
    RecordSchedule("workspace.reminders", "workspace.reminder", at="remind_at", job="workspace.remind"),
]
