"""A user's own calendar as an iCalendar file (RFC 5545)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from crmkit import MissingExtraError, Reader, Target, translator

from ..entities import Attendance, Meeting, MeetingException, Task
from .calendar import exceptions_of
from .calendar_import import OWN
from .recurrence import last_moment

__all__ = ["export_calendar"]

# Texts belong to the plugin.
_ = translator(__package__.rpartition(".")[0])

_PRIORITIES = {"urgent": 1, "high": 3, "normal": 5, "low": 9}
_AT_ONCE = 500


def export_calendar(db: Reader, start: datetime, end: datetime) -> bytes:
    """Return the meetings that the reader has made or is invited to, and their own tasks, as an iCalendar file.

    Meetings are those that are at least partly from *start* up to *end*, as they recur; tasks those that are due then,
    and those without a day that are not done. Nothing is in it that the reader does not see.

    Raises:
        MissingExtraError: the package that writes it is not installed.
    """
    try:
        from icalendar import Calendar
    except ImportError:
        raise MissingExtraError(_("A calendar file"), "icalendar", "workspace") from None
    calendar = Calendar()
    calendar.add("prodid", "-//crmkit//workspace//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    meetings = _meetings(db, start, end)
    exceptions = exceptions_of(db, [meeting.id for meeting in meetings])
    for meeting in meetings:
        for event in _events(meeting, exceptions.get(meeting.id, ())):
            calendar.add_component(event)
    for task in _tasks(db, start, end):
        calendar.add_component(_todo(task))
    calendar.add_missing_timezones()
    written: bytes = calendar.to_ical()
    return written


def _meetings(db: Reader, start: datetime, end: datetime) -> list[Meeting]:
    me, f = db.moment.me, Meeting.f
    then = (f.starts_at < end) & (f.last_at >= start)
    found = {each.id: each for each in db.find(Meeting, then & (f.owner_id == me))}
    invited = (
        [each.meeting_id for each in db.find(Attendance, Attendance.f.attendee == Target("core.user", me))]
        if me
        else []
    )
    for begin in range(0, len(invited), _AT_ONCE):
        found |= {each.id: each for each in db.find(Meeting, then & f.id.in_(invited[begin : begin + _AT_ONCE]))}
    return sorted(found.values(), key=lambda each: each.id)


def _tasks(db: Reader, start: datetime, end: datetime) -> Sequence[Task]:
    zone, f = ZoneInfo(db.access.time_zone), Task.f
    first, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    due = (f.due_on >= first) & (f.due_on <= last)
    return db.find(Task, (f.owner_id == db.moment.me) & (due | (f.due_on.is_null() & ~f.is_done)), order_by="id")


def _events(meeting: Meeting, exceptions: Collection[MeetingException]) -> list[Any]:
    """Return the event of *meeting*, and one for each of its times that is elsewhen."""
    zone = ZoneInfo(meeting.time_zone or "UTC")
    event = _event(meeting)
    if meeting.starts_on is not None and meeting.ends_on is not None:
        event.add("dtstart", meeting.starts_on)
        event.add("dtend", meeting.ends_on + timedelta(days=1))
    elif meeting.starts_at is not None and meeting.ends_at is not None:
        event.add("dtstart", meeting.starts_at.astimezone(zone))
        event.add("dtend", meeting.ends_at.astimezone(zone))
    if meeting.recurrence:
        event.add("rrule", _rule(meeting, meeting.recurrence, zone))
    moved = []
    for each in sorted(exceptions, key=lambda one: one.original_at):
        original = _original(meeting, each, zone)
        if each.is_cancelled or each.starts_at is None or each.ends_at is None:
            event.add("exdate", original)
            continue
        single = _event(meeting)
        single.add("recurrence-id", original)
        single.add("dtstart", each.starts_at.astimezone(zone))
        single.add("dtend", each.ends_at.astimezone(zone))
        moved.append(single)
    return [event, *moved]


def _original(meeting: Meeting, exception: MeetingException, zone: ZoneInfo) -> Any:
    local = exception.original_at.astimezone(zone)
    return local if meeting.starts_on is None else local.date()


def _event(meeting: Meeting) -> Any:
    from icalendar import Event

    event = Event()
    event.add("uid", meeting.uid or f"{meeting.id}{OWN}")
    event.add("dtstamp", meeting.updated_at)
    event.add("sequence", meeting.sequence)
    _describe(event, meeting.title, meeting.description)
    if meeting.place:
        event.add("location", meeting.place)
    if meeting.is_private:
        event.add("class", "PRIVATE")
    _add_alarm(event, meeting.title, meeting.remind_before)
    return event


def _rule(meeting: Meeting, recurrence: str, zone: ZoneInfo) -> Any:
    """Return the rule; its end is a day where the meeting lasts days, and else a moment, as RFC 5545 says."""
    from icalendar import vRecur

    rule = vRecur.from_ical(recurrence)
    if "UNTIL" in rule:
        until = last_moment(recurrence, zone)
        rule["UNTIL"] = [until.astimezone(zone).date() if meeting.starts_on else until.astimezone(UTC)]
    return rule


def _todo(task: Task) -> Any:
    from icalendar import Todo

    todo = Todo()
    todo.add("uid", task.uid or f"{task.id}{OWN}")
    todo.add("dtstamp", task.updated_at)
    _describe(todo, task.title, task.description)
    if due := task.due_at or task.due_on:
        todo.add("due", due)
        _add_alarm(todo, task.title, task.remind_before)
    todo.add("priority", _PRIORITIES.get(task.priority, 5))
    todo.add("percent-complete", int(task.progress))
    todo.add("status", "COMPLETED" if task.is_done else "NEEDS-ACTION")
    if task.done_at is not None:
        todo.add("completed", task.done_at)
    return todo


def _describe(component: Any, title: str, description: str | None) -> None:
    component.add("summary", title)
    if description:
        component.add("description", description)


def _add_alarm(component: Any, title: str, before: int | None) -> None:
    from icalendar import Alarm

    if before is None:
        return
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", title)
    alarm.add("trigger", timedelta(minutes=-before))
    component.add_component(alarm)
