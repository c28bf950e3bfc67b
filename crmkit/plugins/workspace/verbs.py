"""What people and programs may call by its name: tasks, notifications, meetings and views, with arguments as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal

import attrs

from crmkit import Verb, translator

from . import services
from .entities import Attendance, DefaultView, Meeting, MeetingException, Notification, Task, View

__all__ = ["VERBS"]

_ = translator(__package__)


@attrs.frozen
class Complete:
    """Which task is done."""

    task: Task


@attrs.frozen
class MyTasks:
    """Until which day the tasks are due that are asked for."""

    due_before: date | None = None


@attrs.frozen
class Unread:
    """How many notifications are asked for."""

    limit: int = 50


@attrs.frozen
class MarkRead:
    """Which notifications have been read."""

    notifications: Sequence[Notification]


@attrs.frozen
class Answer:
    """Whether one comes to a meeting."""

    meeting: Meeting
    given: Literal["accepted", "tentative", "declined"]


@attrs.frozen
class CancelOne:
    """Which meeting of a series does not take place."""

    meeting: Meeting
    original_at: datetime


@attrs.frozen
class MoveOne:
    """Which meeting of a series takes place at another time."""

    meeting: Meeting
    original_at: datetime
    starts_at: datetime
    ends_at: datetime


@attrs.frozen
class ChooseView:
    """Which view one wants to see first."""

    view: View


VERBS = [
    Verb("workspace.complete_task", _("Complete a task"), services.complete, "workspace.task", Complete, Task),
    Verb(
        "workspace.my_tasks",
        _("See what one has to do"),
        services.my_tasks,
        "workspace.task",
        MyTasks,
        list[Task],
        writes=False,
    ),
    Verb(
        "workspace.unread",
        _("See unread notifications"),
        services.unread,
        "workspace.notification",
        Unread,
        list[Notification],
        writes=False,
    ),
    Verb(
        "workspace.mark_read",
        _("Mark notifications as read"),
        services.mark_read,
        "workspace.notification",
        MarkRead,
        list[Notification],
    ),
    Verb(
        "workspace.answer_invitation",
        _("Say whether one comes to a meeting"),
        services.answer,
        "workspace.meeting",
        Answer,
        Attendance,
    ),
    Verb(
        "workspace.cancel_occurrence",
        _("Cancel one meeting of a series"),
        services.cancel_one,
        "workspace.meeting",
        CancelOne,
        MeetingException,
    ),
    Verb(
        "workspace.move_occurrence",
        _("Move one meeting of a series"),
        services.move_one,
        "workspace.meeting",
        MoveOne,
        MeetingException,
    ),
    Verb(
        "workspace.choose_view",
        _("Choose the view that is shown first"),
        services.set_default_view,
        "workspace.view",
        ChooseView,
        DefaultView,
    ),
]
