"""What people plan, say and mark about records of any entity."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from crmkit import (
    Choice,
    ContentHash,
    Integer,
    LongText,
    Option,
    Owned,
    Percent,
    Record,
    Target,
    Text,
    TimeZone,
    any_ref,
    entity,
    field,
    ref,
    translator,
)

__all__ = [
    "ENTITIES",
    "Attendance",
    "Comment",
    "DefaultView",
    "File",
    "Following",
    "Meeting",
    "MeetingException",
    "MeetingSubject",
    "Notification",
    "NotificationPreference",
    "Reminder",
    "Tag",
    "Tagging",
    "Task",
    "View",
]

_ = translator(__package__)

PRIORITIES = [
    Option("low", _("Low")),
    Option("normal", _("Normal")),
    Option("high", _("High")),
    Option("urgent", _("Urgent")),
]
COLOURS = [
    Option("grey", _("Grey")),
    Option("red", _("Red")),
    Option("orange", _("Orange")),
    Option("yellow", _("Yellow")),
    Option("green", _("Green")),
    Option("blue", _("Blue")),
    Option("purple", _("Purple")),
]
KINDS = [Option("table", _("Table")), Option("board", _("Board")), Option("calendar", _("Calendar"))]
ANSWERS = [
    Option("none", _("No answer yet")),
    Option("accepted", _("Accepted")),
    Option("tentative", _("Perhaps")),
    Option("declined", _("Declined")),
]
NOTIFICATIONS = [
    Option("task_assigned", _("A task is mine")),
    Option("record_transferred", _("A record is mine")),
    Option("comment_made", _("Comments on what I own or follow")),
    Option("mention", _("I am mentioned")),
    Option("mention_missed", _("Who I mention may not see the record")),
    Option("reminder", _("Reminders")),
    Option("meeting_invited", _("I am invited to a meeting")),
    Option("won", _("My team wins something")),
    Option("message", _("Messages of automations")),
]
AUDIENCES = [Option("own", _("Only me")), Option("team", _("My team")), Option("everybody", _("Everybody"))]

# What people write about a record often names people.
_WORK = "working together"


def _uid() -> Any:
    """Return the field for the name that calendars elsewhere have for a meeting or a task."""
    return field(Text(max=255), default=None, indexed=True, label=_("UID"), help=_("What it is called in iCalendar"))


@entity("workspace.task", label=_("Task"))
class Task(Owned):
    """Something that its owner is to do, by itself or about a record. A task of 100 % is done, and the other way."""

    title: str = field(Text(max=300), search=True, personal=True, purpose=_WORK, label=_("Title"))
    description: str | None = field(
        LongText(max=20_000), default=None, search=True, personal=True, purpose=_WORK, label=_("Description")
    )
    regarding: Target | None = any_ref(
        default=None,
        goes_along="!is_done",
        label=_("Regarding"),
        help=_("The record that the task is about. Who does not see that record does not see the task."),
    )
    priority: str = field(Choice(PRIORITIES), default="normal", label=_("Priority"))
    due_on: date | None = field(default=None, indexed=True, label=_("Due on"))
    due_at: datetime | None = field(
        default=None,
        label=_("Due at"),
        help=_("The time of day, where it matters. It decides the day that the task is due on."),
    )
    remind_before: int | None = field(
        Integer(min=0, max=525_600),
        default=None,
        label=_("Remind before"),
        help=_("So many minutes before the task is due; a day without a time of day counts from nine in the morning"),
    )
    remind_at: datetime | None = field(
        default=None,
        indexed=True,
        label=_("Remind at"),
        help=_("When the owner is reminded, unless the task is done by then. Follows from what stands before it."),
    )
    progress: Decimal = field(Percent(), default=Decimal(0), label=_("Progress"))
    is_done: bool = field(default=False, label=_("Done"))
    done_at: datetime | None = field(
        default=None, label=_("Done at"), help=_("Set when the task is done, emptied when it is reopened.")
    )
    uid: str | None = _uid()


@entity("workspace.comment", label=_("Comment"))
class Comment(Owned):
    """What somebody says about a record; the owner is who said it."""

    regarding: Target = any_ref(also=["workspace.task"], label=_("Regarding"))
    body: str = field(LongText(max=20_000), search=True, personal=True, purpose=_WORK, label=_("Comment"))


@entity("workspace.file", label=_("File"))
class File(Owned):
    """A file that hangs on a record; its content is kept apart, under its hash. Only uploading gives it content."""

    regarding: Target = any_ref(also=["workspace.task"], label=_("Regarding"))
    name: str = field(Text(max=255), search=True, personal=True, purpose=_WORK, label=_("Name"))
    content_type: str = field(Text(max=127), label=_("Type"), help=_("The media type, such as application/pdf"))
    size: int = field(Integer(min=0), label=_("Size"), help=_("In bytes"))
    content_hash: str = field(ContentHash(), indexed=True, label=_("Hash"), help=_("SHA-256 of the content"))


@entity("workspace.tag", label=_("Tag"))
class Tag(Record):
    """A word with which records are marked."""

    name: str = field(Text(max=60), unique=True, search=True, label=_("Name"))
    colour: str = field(Choice(COLOURS), default="grey", label=_("Colour"))


@entity("workspace.tagging", label=_("Tagging"), unique=[("tag_id", "record")])
class Tagging(Record):
    """Marks one record with one tag."""

    tag_id: UUID = ref("workspace.tag", on_delete="cascade", label=_("Tag"))
    record: Target = any_ref(also=["workspace.task"], label=_("Record"))


@entity("workspace.view", label=_("View"))
class View(Owned):
    """A list that somebody saved: of which entity, under which rule, with which columns, in which order.

    It shows each reader what they may read of it: what it names is checked when it is used, against their fields.
    """

    name: str = field(Text(max=100), search=True, label=_("Name"))
    listed: str = field(Text(max=80), indexed=True, label=_("Entity"), help=_("Its id, such as sales.deal"))
    rule: str | None = field(LongText(max=10_000), default=None, label=_("Rule"))
    columns: str | None = field(
        Text(max=2000), default=None, label=_("Columns"), help=_("Names of fields, with spaces between them")
    )
    order_by: str | None = field(
        Text(max=500),
        default=None,
        label=_("Order"),
        help=_("Names of fields, with spaces between them and - before those that descend"),
    )
    group_by: str | None = field(Text(max=80), default=None, label=_("Grouped by"), help=_("The name of a field"))
    kind: str = field(Choice(KINDS), default="table", label=_("Kind"))
    audience: str = field(Choice(AUDIENCES), default="own", label=_("Shown to"))


@entity("workspace.default_view", label=_("Default view"), unique=[("owner_id", "listed")])
class DefaultView(Owned):
    """The view with which a list of one entity opens for its owner."""

    listed: str = field(Text(max=80), label=_("Entity"), help=_("Its id, such as sales.deal"))
    view_id: UUID = ref("workspace.view", follows=True, on_delete="cascade", label=_("View"))


@entity("workspace.meeting", label=_("Meeting"))
class Meeting(Owned):
    """People meet, once or again and again; the owner has invited the others.

    It has a start and an end, or days; of days follow the start of the first and the end of the last.
    """

    title: str = field(Text(max=300), search=True, label=_("Title"))
    description: str | None = field(LongText(max=20_000), default=None, search=True, label=_("Description"))
    place: str | None = field(Text(max=300), default=None, label=_("Place"))
    starts_at: datetime | None = field(default=None, indexed=True, label=_("Starts at"))
    ends_at: datetime | None = field(default=None, label=_("Ends at"))
    starts_on: date | None = field(default=None, label=_("First day"), help=_("Of what lasts whole days"))
    ends_on: date | None = field(default=None, label=_("Last day"), help=_("The first day, unless it is another"))
    time_zone: str | None = field(
        TimeZone(), default=None, label=_("Time zone"), help=_("Whose clock counts; that of whoever makes the meeting")
    )
    recurrence: str | None = field(
        Text(max=500),
        default=None,
        label=_("Recurrence"),
        help=_("A rule of RFC 5545, such as FREQ=WEEKLY;BYDAY=MO,TH;COUNT=10"),
    )
    last_at: datetime | None = field(
        default=None, indexed=True, label=_("Over at"), help=_("When the last one ends. Follows from the others.")
    )
    remind_before: int | None = field(
        Integer(min=0, max=525_600),
        default=None,
        label=_("Remind before"),
        help=_("So many minutes before each time that it takes place"),
    )
    remind_at: datetime | None = field(
        default=None,
        indexed=True,
        label=_("Remind at"),
        help=_("When whoever comes is reminded next. Follows from the others."),
    )
    is_private: bool = field(
        default=False, label=_("Private"), help=_("Seen by nobody but the owner and who is invited")
    )
    uid: str | None = _uid()
    sequence: int = field(
        Integer(min=0), default=0, label=_("Revision"), help=_("Of iCalendar: one more with each change of its times")
    )


@entity("workspace.meeting_exception", label=_("Exception of a meeting"), unique=[("meeting_id", "original_at")])
class MeetingException(Record):
    """One of the meetings that recur is elsewhen, or not at all."""

    meeting_id: UUID = ref("workspace.meeting", follows=True, on_delete="cascade", label=_("Meeting"))
    original_at: datetime = field(label=_("Originally at"), help=_("When it would start"))
    is_cancelled: bool = field(default=False, label=_("Cancelled"))
    starts_at: datetime | None = field(default=None, indexed=True, label=_("Starts at"))
    ends_at: datetime | None = field(default=None, label=_("Ends at"))


@entity("workspace.meeting_subject", label=_("Subject of a meeting"), unique=[("meeting_id", "record")])
class MeetingSubject(Record):
    """A meeting is about a record. Who is invited and does not see the record does not see that."""

    meeting_id: UUID = ref("workspace.meeting", follows=True, on_delete="cascade", label=_("Meeting"))
    record: Target = any_ref(also=["workspace.task"], label=_("Record"))


@entity("workspace.attendance", label=_("Attendance"), unique=[("meeting_id", "attendee")])
class Attendance(Record):
    """Somebody, a user or a person in any other entity, is invited to a meeting."""

    meeting_id: UUID = ref("workspace.meeting", follows=True, on_delete="cascade", label=_("Meeting"))
    attendee: Target = any_ref(label=_("Attendee"))
    answer: str = field(Choice(ANSWERS), default="none", label=_("Answer"))


@entity("workspace.notification", label=_("Notification"))
class Notification(Record):
    """Tells one user that something has happened; what is read is made of it when it is read, in their language.

    It is theirs alone, and shown as long as they see the record, and the comment, that it is about.
    """

    recipient_id: UUID = ref("core.user", on_delete="cascade", label=_("Recipient"))
    kind: str = field(Choice(NOTIFICATIONS), label=_("Kind"))
    regarding: Target | None = any_ref(also=["workspace.task"], default=None, label=_("Regarding"))
    comment: Target | None = any_ref(
        also=["workspace.comment"], default=None, label=_("Comment"), help=_("What was said about the record")
    )
    by_id: UUID | None = ref("core.user", default=None, on_delete="clear", label=_("By"))
    note: str | None = field(LongText(max=2000), default=None, label=_("Note"))
    more: int = field(
        Integer(min=0), default=0, label=_("More"), help=_("How many others it stands for, which were too many to tell")
    )
    read_at: datetime | None = field(default=None, label=_("Read at"))


@entity("workspace.notification_preference", label=_("Notification preference"), unique=[("recipient_id", "kind")])
class NotificationPreference(Record):
    """Whether one user wants notifications of one kind."""

    recipient_id: UUID = ref("core.user", on_delete="cascade", label=_("Recipient"))
    kind: str = field(Choice(NOTIFICATIONS), indexed=True, label=_("Kind"))
    is_wanted: bool = field(label=_("Wanted"))


@entity("workspace.reminder", label=_("Reminder"))
class Reminder(Record):
    """One user wants to be reminded of something, or of a record; it is gone when that has happened."""

    recipient_id: UUID = ref("core.user", on_delete="cascade", on_leave="end", label=_("Recipient"))
    regarding: Target | None = any_ref(also=["workspace.task"], default=None, label=_("Regarding"))
    remind_at: datetime = field(indexed=True, label=_("Remind at"))
    note: str | None = field(LongText(max=2000), default=None, label=_("Note"))


@entity("workspace.following", label=_("Following"), unique=[("user_id", "record")])
class Following(Record):
    """One user wants to know what is said about one record."""

    user_id: UUID = ref("core.user", on_delete="cascade", label=_("User"))
    record: Target = any_ref(also=["workspace.task"], label=_("Record"))


ENTITIES = (
    Task,
    Comment,
    File,
    Tag,
    Tagging,
    View,
    DefaultView,
    Meeting,
    MeetingException,
    MeetingSubject,
    Attendance,
    Notification,
    NotificationPreference,
    Reminder,
    Following,
)
