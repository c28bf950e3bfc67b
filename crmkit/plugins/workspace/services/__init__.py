"""What people do with tasks, comments, files, tags, views and notifications, and what keeps them consistent."""

from __future__ import annotations

from .calendar import CalendarEntry, calendar, conflicts, meetings_between, occurrences_of
from .calendar_export import export_calendar
from .calendar_import import CalendarImport, import_calendar
from .comments import comment, comments_of
from .entry_tasks import add_entry_tasks
from .files import attach, check_contents, files_of, read_file
from .following import follow, followers_of, is_following, unfollow
from .ical_reading import CalendarFileError, Untaken
from .meeting_reminders import catch_up_reminders, move_meeting_reminder, next_reminder
from .meetings import (
    answer,
    attendees_of,
    cancel_one,
    check_meetings,
    discuss,
    disinvite,
    invite,
    move_one,
    settle_meetings,
    subjects_of,
)
from .mentions import Mention, mentions
from .messages import Message, Messages, deliver_messages, tell
from .notifications import mark_read, notify, prefer, unread, wants, who_wants
from .recurrence import occurrences
from .reminders import move_reminders, my_reminders, remind, remind_of
from .tags import tag, tags_of, untag
from .task_actions import TaskToMake, make_task
from .tasks import assign, complete, my_tasks, reopen, set_progress, settle_tasks, tasks_of
from .telling import tell_of_comment, tell_of_invitation, tell_of_transfer, tell_of_win, tell_owner_of_task
from .views import ViewPage, default_view, save_view, set_default_view, show_view, views_of
from .wording import wording
from .zones import at_nine, earlier

__all__ = [
    "CalendarEntry",
    "CalendarFileError",
    "CalendarImport",
    "Mention",
    "Message",
    "Messages",
    "TaskToMake",
    "Untaken",
    "ViewPage",
    "add_entry_tasks",
    "answer",
    "assign",
    "at_nine",
    "attach",
    "attendees_of",
    "calendar",
    "cancel_one",
    "catch_up_reminders",
    "check_contents",
    "check_meetings",
    "comment",
    "comments_of",
    "complete",
    "conflicts",
    "default_view",
    "deliver_messages",
    "discuss",
    "disinvite",
    "earlier",
    "export_calendar",
    "files_of",
    "follow",
    "followers_of",
    "import_calendar",
    "invite",
    "is_following",
    "make_task",
    "mark_read",
    "meetings_between",
    "mentions",
    "move_meeting_reminder",
    "move_one",
    "move_reminders",
    "my_reminders",
    "my_tasks",
    "next_reminder",
    "notify",
    "occurrences",
    "occurrences_of",
    "prefer",
    "read_file",
    "remind",
    "remind_of",
    "reopen",
    "save_view",
    "set_default_view",
    "set_progress",
    "settle_meetings",
    "settle_tasks",
    "show_view",
    "subjects_of",
    "tag",
    "tags_of",
    "tasks_of",
    "tell",
    "tell_of_comment",
    "tell_of_invitation",
    "tell_of_transfer",
    "tell_of_win",
    "tell_owner_of_task",
    "unfollow",
    "unread",
    "untag",
    "views_of",
    "wants",
    "who_wants",
    "wording",
]
