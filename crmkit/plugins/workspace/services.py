"""What people do with tasks, comments and tags, and what keeps them consistent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from crmkit import EntryTask, Reader, Record, Stage, Target, User, Write, WriteContext, Writer, translate

from .entities import Comment, Tag, Tagging, Task

__all__ = [
    "add_entry_tasks",
    "assign",
    "comment",
    "comments_of",
    "complete",
    "my_tasks",
    "reopen",
    "set_progress",
    "settle_tasks",
    "tag",
    "tags_of",
    "tasks_of",
    "untag",
]

FINISHED = Decimal(100)
# A rule lists at most a thousand values.
_AT_ONCE = 500


# Tasks.


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
    """Keep what is written of tasks consistent: done is 100 %, and the time of day decides the day."""
    for write in writes:
        if write.entity.id == "workspace.task" and write.kind in ("create", "update"):
            _settle(context, write)


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
    """Return whether *write* leaves the task done; ``None`` if it does not touch that."""
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


# Tasks that stages of pipelines ask for.


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
    locale, zone = (owner.locale, _zone_of(context, owner)) if owner else (None, ZoneInfo("UTC"))
    due = None if wanted.due_after is None else context.now + wanted.due_after
    return Task(
        title=translate(wanted.title, locale),
        regarding=Target(write.entity.id, write.record_id),
        due_on=due and due.astimezone(zone).date(),
        owner_id=owner.id if owner else None,
        team_id=write.get("team_id") if owner else None,
    )


def _zone_of(context: WriteContext, user: User) -> ZoneInfo:
    try:
        return ZoneInfo(user.time_zone)
    except (KeyError, ValueError, OSError):
        # A row that another program wrote, or a zone that is no more.
        return ZoneInfo(context.principal.time_zone)


def _open_tasks(context: WriteContext, records: Sequence[UUID]) -> Iterator[tuple[Target | None, str]]:
    for start in range(0, len(records), _AT_ONCE):
        about = Task.f.regarding.id.in_(records[start : start + _AT_ONCE])
        for task in context.trusted.find(Task, about & ~Task.f.is_done):
            yield task.regarding, task.title


# Comments.


def comment(db: Writer, record: Record, body: str) -> Comment:
    """Say something about *record* and return the comment."""
    return db.create(Comment(regarding=Target.of(record), body=body))


def comments_of(db: Reader, record: Record) -> list[Comment]:
    """Return the comments on *record*, oldest first."""
    return db.find(Comment, Comment.f.regarding == Target.of(record), order_by="id")


# Tags.


def tag(db: Writer, record: Record, *names: str) -> list[Tag]:
    """Mark *record* with the tags called *names* and return them; a tag that nobody used before is made.

    Upper and lower case are the same tag.
    """
    tags = [_tag_called(db, name) for name in dict.fromkeys(names)]
    already = {tagging.tag_id for tagging in _taggings(db, record)}
    missing = {found.id: found for found in tags if found.id not in already}
    db.create_many([Tagging(tag_id=id_, record=Target.of(record)) for id_ in missing])
    return tags


def untag(db: Writer, record: Record, *names: str) -> int:
    """Take the tags called *names* off *record* and return how many it had."""
    unwanted = {found.id for name in names for found in _named(db, name)}
    taggings = [tagging for tagging in _taggings(db, record) if tagging.tag_id in unwanted]
    db.delete_many(taggings)
    return len(taggings)


def tags_of(db: Reader, record: Record) -> list[Tag]:
    """Return the tags of *record* by name."""
    found = db.get_many(Tag, [tagging.tag_id for tagging in _taggings(db, record)])
    return sorted(found.values(), key=lambda tag: tag.name.casefold())


def _taggings(db: Reader, record: Record) -> list[Tagging]:
    return db.find(Tagging, Tagging.f.record == Target.of(record))


def _named(db: Reader, name: str) -> list[Tag]:
    return db.find(Tag, Tag.f.name.lower() == name.strip().casefold())


def _tag_called(db: Writer, name: str) -> Tag:
    return next(iter(_named(db, name)), None) or db.create(Tag(name=name))
