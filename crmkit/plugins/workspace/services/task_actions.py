"""What automations do with tasks."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal
from uuid import UUID

import attrs

from crmkit import Record, ReportingLine, Target, Writer

from ..entities import Task

__all__ = ["TaskToMake", "make_task"]


@attrs.frozen
class TaskToMake:
    """The task that an automation makes: for whom, and in how many days it is due.

    It is for the owner of the record, the owner's manager, or whoever the automation acts as. Where nobody leads the
    owner, or nobody whom the automation sees, the owner gets it.
    """

    title: str
    description: str | None = None
    assignee: Literal["owner", "manager", "me"] = "owner"
    due_in_days: int | None = None
    priority: str = "normal"


def make_task(db: Writer, record: Record, task: TaskToMake) -> Task:
    """Make *task* about *record* and return it."""
    due_on = None if task.due_in_days is None else db.moment.today + timedelta(days=task.due_in_days)
    made = Task(
        title=task.title,
        description=task.description,
        regarding=Target.of(record),
        due_on=due_on,
        priority=task.priority,
        owner_id=_assignee(db, record, task.assignee),
    )
    return db.create(made)


def _assignee(db: Writer, record: Record, who: str) -> UUID | None:
    owner: UUID | None = getattr(record, "owner_id", None)
    if who == "me" or owner is None:
        return db.moment.me
    if who == "owner" or not db.readable_fields(ReportingLine) >= {"user_id", "manager_id"}:
        return owner
    lines = db.find(ReportingLine, ReportingLine.f.user_id == owner)
    return lines[0].manager_id if lines else owner
