"""What is when: meetings, each time that they recur, and tasks on the days on which they are due."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from crmkit import Reader, Target

from ..entities import Attendance, Meeting, MeetingException, Task
from .recurrence import occurrences

__all__ = ["CalendarEntry", "calendar", "conflicts", "exceptions_of", "meetings_between", "occurrences_of"]

# A rule lists at most a thousand values.
_AT_ONCE = 500


@dataclass(frozen=True)
class CalendarEntry:
    """A meeting or a task at a time; *original_at* tells one of the meetings that recur from the others."""

    starts_at: datetime
    ends_at: datetime
    is_all_day: bool
    record: Meeting | Task
    original_at: datetime


def calendar(db: Reader, start: datetime, end: datetime) -> list[CalendarEntry]:
    """Return the meetings and the tasks that the reader sees and that are at least partly from *start* up to *end*.

    The earliest come first. The days of tasks are those of the reader's time zone. Costs four statements, and one more
    for each five hundred meetings.
    """
    entries = [*meetings_between(db, start, end), *_tasks(db, start, end)]
    return sorted(entries, key=lambda entry: (entry.starts_at, not entry.is_all_day, entry.record.id))


def meetings_between(db: Reader, start: datetime, end: datetime) -> list[CalendarEntry]:
    """Return the visible meetings that are at least partly from *start* up to *end*, each time that they recur."""
    f, moved = Meeting.f, MeetingException.f
    here = db.find(MeetingException, (moved.starts_at < end) & (moved.ends_at >= start))
    found = {each.id: each for each in db.find(Meeting, (f.starts_at < end) & (f.last_at >= start))}
    missing = [each.meeting_id for each in here if each.meeting_id not in found]
    found |= db.get_many(Meeting, missing)
    exceptions = exceptions_of(db, [each.id for each in found.values() if each.recurrence])
    entries = (entry for each in found.values() for entry in occurrences_of(each, exceptions.get(each.id, ()), end))
    return sorted((e for e in entries if _overlaps(e, start, end)), key=lambda e: (e.starts_at, e.record.id))


def exceptions_of(db: Reader, meetings: Sequence[UUID]) -> dict[UUID, list[MeetingException]]:
    """Return the exceptions of *meetings* that the reader sees, by meeting."""
    by_meeting: dict[UUID, list[MeetingException]] = {}
    for begin in range(0, len(meetings), _AT_ONCE):
        rule = MeetingException.f.meeting_id.in_(meetings[begin : begin + _AT_ONCE])
        for each in db.find(MeetingException, rule):
            by_meeting.setdefault(each.meeting_id, []).append(each)
    return by_meeting


def occurrences_of(
    meeting: Meeting, exceptions: Collection[MeetingException], end: datetime
) -> Iterator[CalendarEntry]:
    """Yield each time at which *meeting* takes place before *end*; those that *exceptions* move come last."""
    if meeting.starts_at is None or meeting.ends_at is None:
        return
    zone = ZoneInfo(meeting.time_zone or "UTC")
    excepted = {each.original_at: each for each in exceptions}
    for starts in occurrences(meeting.starts_at, meeting.recurrence, zone, end):
        if starts not in excepted:
            yield CalendarEntry(starts, _end(meeting, starts, zone), meeting.starts_on is not None, meeting, starts)
    for each in excepted.values():
        if not each.is_cancelled and each.starts_at is not None and each.ends_at is not None:
            yield CalendarEntry(each.starts_at, each.ends_at, False, meeting, each.original_at)


def _end(meeting: Meeting, starts: datetime, zone: ZoneInfo) -> datetime:
    assert meeting.starts_at is not None
    assert meeting.ends_at is not None
    if meeting.starts_on is None or meeting.ends_on is None:
        return starts + (meeting.ends_at - meeting.starts_at)
    # A day may have 23 or 25 hours.
    days = meeting.ends_on - meeting.starts_on + timedelta(days=1)
    return (starts.astimezone(zone) + days).astimezone(UTC)


def _overlaps(entry: CalendarEntry, start: datetime, end: datetime) -> bool:
    """Return whether *entry* is within the time; what takes no time is where it starts."""
    return entry.starts_at < end and (entry.ends_at > start or entry.starts_at == entry.ends_at == start)


def _tasks(db: Reader, start: datetime, end: datetime) -> Iterator[CalendarEntry]:
    zone, f = ZoneInfo(db.access.time_zone), Task.f
    first, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    # A time of day decides the day in the zone of whoever set it, which may be the day before or after.
    around = (f.due_on >= first - timedelta(days=1)) & (f.due_on <= last + timedelta(days=1))
    for task in db.find(Task, around):
        if task.due_at is not None:
            entry = CalendarEntry(task.due_at, task.due_at, False, task, task.due_at)
        elif task.due_on is not None:
            begins, ends = (
                datetime.combine(day, time(), zone).astimezone(UTC)
                for day in (task.due_on, task.due_on + timedelta(days=1))
            )
            entry = CalendarEntry(begins, ends, True, task, begins)
        if start <= entry.starts_at < end or _overlaps(entry, start, end):
            yield entry


def conflicts(
    db: Reader, start: datetime, end: datetime, users: Collection[UUID], *, besides: Meeting | None = None
) -> list[CalendarEntry]:
    """Return the meetings that overlap with a time for any of *users*, who have made them or have not declined them.

    Only meetings count that the reader sees: a private one of others is none for them. *besides* is left out.
    """
    entries = [e for e in meetings_between(db, start, end) if besides is None or e.record.id != besides.id]
    ids = sorted({entry.record.id for entry in entries})
    taking_part = {(each.record.id, each.record.owner_id) for each in entries}
    for begin in range(0, len(ids), _AT_ONCE):
        for each in db.find(Attendance, Attendance.f.meeting_id.in_(ids[begin : begin + _AT_ONCE])):
            if each.attendee == Target("core.user", each.attendee.id) and each.answer != "declined":
                taking_part.add((each.meeting_id, each.attendee.id))
    return [entry for entry in entries if any((entry.record.id, user) in taking_part for user in users)]
