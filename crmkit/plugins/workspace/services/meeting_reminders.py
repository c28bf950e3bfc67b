"""Reminders of meetings: of each time that one takes place, to its owner and to whom it has invited."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from crmkit import DueRecord, Event, NoArguments, Reader, Target, WorkContext, Writer

from ..entities import Attendance, Meeting, MeetingException
from .notifications import notify
from .recurrence import LONGEST, occurrences
from .zones import earlier

__all__ = ["catch_up_reminders", "move_meeting_reminder", "next_reminder", "remind_of_meeting"]

_JUST = timedelta(microseconds=1)
# What a schedule has not seen by then, it does not see any more.
_STUCK = timedelta(days=7)
_AT_ONCE = 500


def next_reminder(meeting: Meeting, exceptions: Collection[MeetingException], after: datetime) -> datetime | None:
    """Return when to remind of *meeting* next after a moment; ``None`` if that is never.

    The times that *exceptions* move or cancel count as they are now. Whole days are days of the calendar in the time
    zone of the meeting, so that the time of day stays when clocks change.
    """
    if meeting.remind_before is None or meeting.starts_at is None:
        return None
    zone = ZoneInfo(meeting.time_zone or "UTC")
    excepted = {each.original_at for each in exceptions}
    times = occurrences(meeting.starts_at, meeting.recurrence, zone, after + LONGEST)
    regular = (earlier(time, meeting.remind_before, zone) for time in times if time not in excepted)
    moved = (each.starts_at for each in exceptions if not each.is_cancelled)
    moments = [earlier(time, meeting.remind_before, zone) for time in moved if time is not None]
    moments += [moment for moment in [next((each for each in regular if each > after), None)] if moment is not None]
    return min((moment for moment in moments if moment > after), default=None)


def remind_of_meeting(db: Writer, due: DueRecord) -> None:
    """Remind of the time of a meeting that is near, unless it was moved, cancelled or is over, and wait for the next.

    Who has declined is not reminded.
    """
    meeting = db.get_many(Meeting, [due.record_id]).get(due.record_id)
    if meeting is None or meeting.remind_at != due.due_at:
        return
    exceptions, is_near = _exceptions(db, meeting), False
    moment = next_reminder(meeting, exceptions, due.due_at - _JUST)
    while moment is not None and moment <= db.now:
        is_near = is_near or not _is_over(meeting, moment, db.now)
        moment = next_reminder(meeting, exceptions, moment)
    for user in sorted(_coming(db, meeting)) if is_near else ():
        notify(db, user, "reminder", regarding=Target.of(meeting))
    db.update(meeting, remind_at=moment)


def _is_over(meeting: Meeting, reminder: datetime, now: datetime) -> bool:
    assert meeting.starts_at is not None
    assert meeting.ends_at is not None
    lasts = max(meeting.ends_at - meeting.starts_at, timedelta(minutes=1))
    return reminder + timedelta(minutes=meeting.remind_before or 0) + lasts <= now


def _coming(db: Reader, meeting: Meeting) -> set[UUID]:
    invited = db.find(Attendance, Attendance.f.meeting_id == meeting.id)
    users = {each.attendee.id for each in invited if each.attendee.entity == "core.user" and each.answer != "declined"}
    return users | ({meeting.owner_id} if meeting.owner_id else set())


def _exceptions(db: Reader, meeting: Meeting) -> list[MeetingException]:
    return db.find(MeetingException, MeetingException.f.meeting_id == meeting.id)


def move_meeting_reminder(context: WorkContext, event: Event) -> None:
    """Let the reminder of a meeting follow when one of its times was moved or cancelled, or it is back from the bin."""
    with context.finish() as db:
        for meeting in _touched(db, event):
            moment = next_reminder(meeting, _exceptions(db, meeting), db.now)
            if moment != meeting.remind_at:
                db.update(meeting, remind_at=moment)


def _touched(db: Reader, event: Event) -> Iterator[Meeting]:
    if event.entity == "workspace.meeting":
        yield from db.get_many(Meeting, [event.record_id]).values()
        return
    one = MeetingException.f.id == event.record_id
    found = [each for deleted in (False, True) for each in db.find(MeetingException, one, deleted=deleted)]
    yield from db.get_many(Meeting, [each.meeting_id for each in found]).values()


def catch_up_reminders(context: WorkContext, _arguments: NoArguments) -> None:
    """Let meetings remind again that have missed a reminder because nothing ran for a week."""
    while True:
        with context.write() as db:
            stuck = db.find(Meeting, Meeting.f.remind_at < context.now - _STUCK, limit=_AT_ONCE)
            moments = ((each, next_reminder(each, _exceptions(db, each), context.now)) for each in stuck)
            db.update_many([(meeting, {"remind_at": moment}) for meeting, moment in moments])
        if len(stuck) < _AT_ONCE:
            return
