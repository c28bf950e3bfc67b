"""What people do with tasks, comments, files and tags, and what keeps them consistent."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from crmkit import (
    Content,
    ContentStore,
    EntryTask,
    ForbiddenError,
    Page,
    Problem,
    Reader,
    Record,
    Stage,
    Target,
    UnknownFieldError,
    User,
    Write,
    WriteContext,
    Writer,
    count,
    translate,
    translator,
)

from .entities import Comment, DefaultView, File, Tag, Tagging, Task, View

__all__ = [
    "Swept",
    "ViewPage",
    "add_entry_tasks",
    "assign",
    "attach",
    "check_contents",
    "comment",
    "comments_of",
    "complete",
    "default_view",
    "files_of",
    "lost_files",
    "my_tasks",
    "read_file",
    "reopen",
    "save_view",
    "set_default_view",
    "set_progress",
    "settle_tasks",
    "show_view",
    "sweep",
    "tag",
    "tags_of",
    "tasks_of",
    "untag",
    "views_of",
]

_ = translator(__package__)

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


# Files.


_uploaded: ContextVar[frozenset[tuple[UUID, str]]] = ContextVar("crmkit_workspace_uploaded", default=frozenset())
# An upload may be kept some time before its record is.
GRACE = 24 * 3600.0


def attach(db: Writer, record: Record, content: Content) -> File:
    """Hang *content*, which was put into the CRM's contents, on *record* and return the file.

    Put it there before the transaction begins: ``crm.contents.put(name, chunks)`` takes as long as the upload.
    """
    file = File(
        regarding=Target.of(record),
        name=content.name,
        content_type=content.type,
        size=content.size,
        content_hash=content.hash,
    )
    with _uploading(file):
        return db.create(file)


@contextmanager
def _uploading(file: File) -> Iterator[None]:
    token = _uploaded.set(_uploaded.get() | {(file.id, file.content_hash)})
    try:
        yield
    finally:
        _uploaded.reset(token)


def check_contents(context: WriteContext, writes: Sequence[Write]) -> list[Problem]:
    """Return a problem for each of *writes* that gives a file content without uploading it.

    Who knows the hash of somebody's file would otherwise have the file.
    """
    if context.principal.is_system:
        return []
    message = _("a file gets its content by uploading it")
    return [
        Problem(message, place)
        for place, write in enumerate(writes)
        if write.entity.id == "workspace.file" and write.kind in ("create", "update") and _gives_content(context, write)
    ]


def _gives_content(context: WriteContext, write: Write) -> bool:
    given = any(write.changes(name) for name in ("content_hash", "content_type", "size"))
    return given and (write.record_id, write.get("content_hash")) not in _uploaded.get()


def files_of(db: Reader, record: Record) -> list[File]:
    """Return the files on *record*, the newest first."""
    return db.find(File, File.f.regarding == Target.of(record))


def read_file(db: Reader, contents: ContentStore, id: UUID) -> Iterator[bytes]:
    """Return the content of the file with this id in chunks, checked before the first.

    Raises:
        NotFoundError: there is no such file, or the reader does not see it, or the record that it hangs on.
        UnknownFieldError: the reader may not read what is in files.
        ContentMissingError, ContentDamagedError: the content is not what was uploaded.
    """
    return contents.read(db.get(File, id).content_hash)


@dataclass(frozen=True)
class Swept:
    """Content that no file needs: the hashes, and whether it was deleted."""

    hashes: tuple[str, ...]
    is_deleted: bool


def sweep(db: Reader, contents: ContentStore, *, dry_run: bool = True, now: float | None = None) -> Swept:
    """Delete the content that no file has, those in the bin counted too, unless it is of the last 24 hours.

    *now* is the time of the file system, in seconds since 1970.

    Raises:
        ForbiddenError: the reader is not the system's, which alone sees every file.
    """
    _check_sees_all(db, "delete")
    before = (time.time() if now is None else now) - GRACE
    unneeded = [hash_ for batch in _batches(contents.hashes(before)) for hash_ in batch - _needed(db, batch)]
    if not dry_run:
        contents.tidy(before)
        unneeded = [hash_ for hash_ in unneeded if contents.remove(hash_, before)]
    return Swept(tuple(sorted(unneeded)), not dry_run)


def lost_files(db: Reader, contents: ContentStore) -> Iterator[File]:
    """Yield each file whose content is missing.

    Raises:
        ForbiddenError: the reader is not the system's.
    """
    _check_sees_all(db, "read")
    return (file for file in db.stream(File) if not contents.has(file.content_hash))


def _check_sees_all(db: Reader, verb: str) -> None:
    if not db.access.is_system:
        raise ForbiddenError("workspace.file", verb, "*")


def _batches(hashes: Iterator[str]) -> Iterator[set[str]]:
    while batch := {hash_ for hash_, _n in zip(hashes, range(_AT_ONCE), strict=False)}:
        yield batch


def _needed(db: Reader, hashes: set[str]) -> set[str]:
    rule = File.f.content_hash.in_(sorted(hashes))
    return {file.content_hash for deleted in (False, True) for file in db.find(File, rule, deleted=deleted)}


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


# Views.


@dataclass(frozen=True)
class ViewPage:
    """A page of what a view shows to one reader.

    *columns* and *order_by* are what is left of the view's for the reader, *left_out* the names in it that name no
    field for them: hidden and unknown ones alike. *groups* has the number of records for each value of the field by
    which the view groups, if it does.
    """

    view: View
    columns: tuple[str, ...]
    order_by: tuple[str, ...]
    groups: list[dict[str, Any]] | None
    left_out: tuple[str, ...]
    page: Page[Any]


def save_view(db: Writer, view: View) -> View:
    """Keep *view*, after trying it with the writer's own eyes, and return it.

    Raises:
        UnknownEntityError: there is no such entity.
        RuleError, UnknownFieldError: it names a field that the writer may not read, or that does not exist.
    """
    names = [*_words(view.columns), *_words(view.order_by), *_words(view.group_by)]
    listed = db.entity(view.listed)
    for name in names:
        if name.removeprefix("-") not in db.readable_fields(listed):
            raise UnknownFieldError(view.listed, name.removeprefix("-"))
    show_view(db, view, limit=1)
    return db.create(view)


def views_of(db: Reader, entity: type[Record]) -> list[View]:
    """Return the views of *entity* that are shown to the reader, by name."""
    return db.find(View, View.f.listed == entity.__entity__.id, order_by="name")


def show_view(db: Reader, view: View, *, limit: int = 50, after: str | None = None) -> ViewPage:
    """Return up to *limit* records that *view* shows to the reader, behind the cursor *after*.

    Raises:
        RuleError: its rule names a field that the reader may not read, or that does not exist.
    """
    listed = db.entity(view.listed)
    readable = db.readable_fields(listed)
    columns, order, groups = (_words(names) for names in (view.columns, view.order_by, view.group_by))
    known = [name for name in order if name.removeprefix("-") in readable]
    page = db.page(listed, view.rule, order_by=known, limit=limit, after=after)
    grouped = [name for name in groups if name in readable]
    counted = db.aggregate(listed, group_by=grouped, measures={"count": count()}, where=view.rule) if grouped else None
    named = [name.removeprefix("-") for name in (*columns, *order, *groups)]
    left_out = tuple(dict.fromkeys(name for name in named if name not in readable))
    return ViewPage(view, tuple(name for name in columns if name in readable), tuple(known), counted, left_out, page)


def _words(text: str | None) -> list[str]:
    return (text or "").split()


def set_default_view(db: Writer, view: View) -> DefaultView:
    """Let lists of the entity of *view* open with it for the writer, and return that."""
    for chosen in _chosen(db, view.listed):
        return db.update(chosen, view_id=view.id)
    return db.create(DefaultView(listed=view.listed, view_id=view.id))


def default_view(db: Reader, entity: type[Record]) -> View | None:
    """Return the view with which lists of *entity* open for the reader; ``None`` if there is none they may see."""
    chosen = _chosen(db, entity.__entity__.id)
    return next(iter(db.get_many(View, [each.view_id for each in chosen]).values()), None)


def _chosen(db: Reader, listed: str) -> list[DefaultView]:
    mine = (DefaultView.f.owner_id == db.moment.me) & (DefaultView.f.listed == listed)
    return db.find(DefaultView, mine, limit=1)
