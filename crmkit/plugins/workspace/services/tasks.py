"""What people do with tasks, and what keeps them consistent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from crmkit import Reader, Record, Target, Write, WriteContext, Writer

from ..entities import Task
from .reminders import settle_reminders

__all__ = ["assign", "complete", "my_tasks", "reopen", "set_progress", "settle_tasks", "tasks_of"]

FINISHED = Decimal(100)


def assign(db: Writer, task: Task, user: UUID) -> Task:
    """Give *task* to *user* and return it."""
    return db.transfer(task, user)


def complete(db: Writer, task: Task) -> Task:
    """Mark *task* as done and return it."""
    return db.update(task, is_done=True)


def reopen(db: Writer, task: Task) -> Task:
    """Mark *task* as not done and return it; its progress begins anew."""
    return db.update(task, is_done=False)


def set_progress(db: Writer, task: Task, percent: Decimal | int) -> Task:
    """Say how far *task* has come and return it; at 100 it is done."""
    return db.update(task, progress=Decimal(percent))


def tasks_of(db: Reader, record: Record, *, include_done: bool = False) -> list[Task]:
    """Return the tasks about *record*, those due first before the others."""
    rule = Task.f.regarding == Target.of(record)
    return db.find(Task, rule if include_done else rule & ~Task.f.is_done, order_by="due_on")


def my_tasks(db: Reader, *, due_before: date | None = None) -> list[Task]:
    """Return the open tasks of the reader, those due first before the others; with *due_before* only earlier ones."""
    rule = (Task.f.owner_id == db.moment.me) & ~Task.f.is_done
    if due_before is not None:
        rule &= Task.f.due_on < due_before
    return db.find(Task, rule, order_by="due_on")


def settle_tasks(context: WriteContext, writes: Sequence[Write]) -> None:
    """Keep what is written of tasks consistent: done is 100 %, the time of day decides the day and the reminder."""
    for write in writes:
        if write.entity.id == "workspace.task" and write.kind in ("create", "update"):
            _settle(context, write)
    settle_reminders(context, writes)


def _settle(context: WriteContext, write: Write) -> None:
    finished = _finished(write)
    if finished:
        write.set("is_done", True)
        write.set("progress", FINISHED)
        write.set("done_at", write.get("done_at") or context.now)
    elif finished is not None:
        write.set("is_done", False)
        write.set("done_at", None)
        if write.get("progress") == FINISHED:
            write.set("progress", Decimal(0))
    _settle_day(context, write)


def _finished(write: Write) -> bool | None:
    """Return whether *write* leaves the task done; ``None`` if it does not touch that, or says nothing of it."""
    if write.get("is_done") is None:
        return None
    if write.kind == "create":
        return bool(write.get("is_done") or write.get("progress") == FINISHED)
    if write.changes("is_done"):
        return bool(write.get("is_done"))
    return write.get("progress") == FINISHED if write.changes("progress") else None


def _settle_day(context: WriteContext, write: Write) -> None:
    moment = write.get("due_at")
    if moment is not None and write.changes("due_at"):
        write.set("due_on", moment.astimezone(ZoneInfo(context.principal.time_zone)).date())
    elif moment is not None and write.changes("due_on"):
        write.set("due_at", None)
