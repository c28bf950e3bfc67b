"""The tasks that stages of pipelines ask for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID
from zoneinfo import ZoneInfo

from crmkit import EntryTask, Stage, Target, User, Write, WriteContext, translate

from ..entities import Task
from .zones import zone_of

__all__ = ["add_entry_tasks"]

# A rule lists at most a thousand values.
_AT_ONCE = 500


def add_entry_tasks(context: WriteContext, writes: Sequence[Write]) -> None:
    """Add the tasks of the stages that records enter by *writes*, for each record's owner and in the owner's language.

    An open task of the same title is not doubled, and what happened elsewhere before an import asks for nothing.
    """
    entered = [(write, stage) for write in writes if (stage := _asking_stage(context, write)) is not None]
    if not entered:
        return
    owners = context.trusted.get_many(User, [id_ for write, _ in entered if (id_ := _owner(context, write))])
    known = set(_open_tasks(context, [write.record_id for write, _ in entered if write.kind == "move"]))
    for write, stage in entered:
        owner_id = _owner(context, write)
        for wanted in stage.tasks:
            task = _entry_task(context, write, wanted, owners.get(owner_id) if owner_id else None)
            if (task.regarding, task.title) not in known:
                context.create(task)


def _asking_stage(context: WriteContext, write: Write) -> Stage | None:
    stage = None if write.is_history else context.entered_stage(write)
    return stage if stage is not None and stage.tasks else None


def _owner(context: WriteContext, write: Write) -> UUID | None:
    # The owner of a new record is filled in later: it will be who creates it.
    return write.get("owner_id") or context.principal.user_id


def _entry_task(context: WriteContext, write: Write, wanted: EntryTask, owner: User | None) -> Task:
    locale, zone = (owner.locale, zone_of(context.principal, owner)) if owner else (None, ZoneInfo("UTC"))
    due = None if wanted.due_after is None else context.now + wanted.due_after
    return Task(
        title=translate(wanted.title, locale),
        regarding=Target(write.entity.id, write.record_id),
        due_on=due and due.astimezone(zone).date(),
        owner_id=owner.id if owner else None,
        team_id=write.get("team_id") if owner else None,
    )


def _open_tasks(context: WriteContext, records: Sequence[UUID]) -> Iterator[tuple[Target | None, str]]:
    for start in range(0, len(records), _AT_ONCE):
        about = Task.f.regarding.id.in_(records[start : start + _AT_ONCE])
        for task in context.trusted.find(Task, about & ~Task.f.is_done):
            yield task.regarding, task.title
