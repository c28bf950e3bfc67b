"""What people do with meetings, and what keeps them consistent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from crmkit import NotFoundError, Problem, Reader, Record, Target, Write, WriteContext, Writer, translator

from ..entities import Attendance, Meeting, MeetingException, MeetingSubject
from .meeting_reminders import next_reminder
from .recurrence import LONGEST, occurrences, plain_rule, trouble_of

__all__ = [
    "answer",
    "attendees_of",
    "cancel_one",
    "check_meetings",
    "discuss",
    "disinvite",
    "invite",
    "move_one",
    "settle_meetings",
    "subjects_of",
]

# Texts belong to the plugin.
_ = translator(__package__.rpartition(".")[0])

_TIMES = ("starts_at", "ends_at", "starts_on", "ends_on", "time_zone", "recurrence")
_DECISIVE = (*_TIMES, "remind_before")
_USER = "core.user"


def invite(db: Writer, meeting: Meeting, *attendees: Record) -> list[Attendance]:
    """Invite *attendees*, users or records of any other entity, and return their attendances.

    Users get to see the meeting, private or not; what it is about they see if they see that.
    """
    known = {each.attendee: each for each in attendees_of(db, meeting)}
    targets = list(dict.fromkeys(map(Target.of, attendees)))
    made = db.create_many([Attendance(meeting_id=meeting.id, attendee=each) for each in targets if each not in known])
    known |= {each.attendee: each for each in made}
    for target in targets:
        if target.entity == _USER and target.id != meeting.owner_id:
            db.share(meeting, user=target.id)
    return [known[target] for target in targets]


def disinvite(db: Writer, meeting: Meeting, *attendees: Record) -> None:
    """Take back the invitations of *attendees*; users do not see the meeting through them any more."""
    unwanted = set(map(Target.of, attendees))
    gone = [each for each in attendees_of(db, meeting) if each.attendee in unwanted]
    db.delete_many(gone)
    for each in gone:
        if each.attendee.entity == _USER:
            db.unshare(meeting, user=each.attendee.id)


def discuss(db: Writer, meeting: Meeting, *records: Record) -> list[MeetingSubject]:
    """Say that *meeting* is about *records*, where it is shown from now on, and return its subjects."""
    known = {each.record for each in subjects_of(db, meeting)}
    targets = dict.fromkeys(map(Target.of, records))
    db.create_many([MeetingSubject(meeting_id=meeting.id, record=each) for each in targets if each not in known])
    return subjects_of(db, meeting)


def subjects_of(db: Reader, meeting: Meeting) -> list[MeetingSubject]:
    """Return what *meeting* is about, as far as the reader sees it."""
    return db.find(MeetingSubject, MeetingSubject.f.meeting_id == meeting.id, order_by="id")


def attendees_of(db: Reader, meeting: Meeting) -> list[Attendance]:
    """Return who is invited to *meeting*, in the order of invitation, as far as the reader sees them."""
    return db.find(Attendance, Attendance.f.meeting_id == meeting.id, order_by="id")


def answer(db: Writer, meeting: Meeting, given: str) -> Attendance:
    """Say for the writer whether they come to *meeting*: accepted, tentative or declined; return the attendance.

    Raises:
        NotFoundError: the writer is not invited.
    """
    mine = [each for each in attendees_of(db, meeting) if each.attendee.id == db.moment.me]
    if not mine:
        raise NotFoundError("workspace.attendance", meeting.id)
    return db.update(mine[0], answer=given)


def cancel_one(db: Writer, meeting: Meeting, original_at: datetime) -> MeetingException:
    """Cancel that of the meetings that would start at *original_at*, and return the exception."""
    return _except(db, meeting, original_at, is_cancelled=True, starts_at=None, ends_at=None)


def move_one(
    db: Writer, meeting: Meeting, original_at: datetime, starts_at: datetime, ends_at: datetime
) -> MeetingException:
    """Have that of the meetings that would start at *original_at* at another time, and return the exception."""
    return _except(db, meeting, original_at, is_cancelled=False, starts_at=starts_at, ends_at=ends_at)


def _except(db: Writer, meeting: Meeting, original_at: datetime, **how: Any) -> MeetingException:
    f = MeetingException.f
    for known in db.find(MeetingException, (f.meeting_id == meeting.id) & (f.original_at == original_at)):
        return db.update(known, how)
    return db.create(MeetingException(meeting_id=meeting.id, original_at=original_at, **how))


def settle_meetings(context: WriteContext, writes: Sequence[Write]) -> None:
    """Let the times of meetings follow from their days, and say when the last one is over and when to remind."""
    for write in writes:
        if write.entity.id == "workspace.meeting" and write.kind in ("create", "update"):
            if write.kind == "create" and write.get("time_zone") is None:
                write.set("time_zone", context.principal.time_zone)
            if write.kind == "update" and any(map(write.changes, _TIMES)) and not write.changes("sequence"):
                write.set("sequence", (write.get("sequence") or 0) + 1)
            if write.kind == "create" or any(map(write.changes, _DECISIVE)):
                _settle(context, write)


def _settle(context: WriteContext, write: Write) -> None:
    zone = _zone(write)
    if isinstance(rule := write.get("recurrence"), str):
        write.set("recurrence", plain_rule(rule) or None)
    if zone is not None:
        _settle_days(write, zone)
        write.set("last_at", _last_at(write, zone))
        write.set("remind_at", _remind_at(context, write, zone))


def _zone(write: Write) -> ZoneInfo | None:
    try:
        return ZoneInfo(write.get("time_zone") or "UTC")
    except (KeyError, ValueError, OSError, TypeError):
        # The field says so itself.
        return None


def _settle_days(write: Write, zone: ZoneInfo) -> None:
    first, last = write.get("starts_on"), write.get("ends_on")
    if write.kind == "update" and (write.changes("starts_at") or write.changes("ends_at")):
        write.set("starts_on", None)
        write.set("ends_on", None)
    elif isinstance(first, date):
        write.set("ends_on", last or first)
        write.set("starts_at", _midnight(first, zone))
        write.set("ends_at", _midnight((last or first) + timedelta(days=1), zone))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _last_at(write: Write, zone: ZoneInfo) -> datetime | None:
    starts: datetime | None = write.get("starts_at")
    ends: datetime | None = write.get("ends_at")
    rule: str | None = write.get("recurrence")
    if starts is None or ends is None or rule is None or trouble_of(rule, starts, zone):
        return ends
    if "COUNT=" not in rule and "UNTIL=" not in rule:
        return starts + LONGEST + (ends - starts)
    *_earlier, last = occurrences(starts, rule, zone, starts + LONGEST)
    return last + (ends - starts)


def _remind_at(context: WriteContext, write: Write, zone: ZoneInfo) -> datetime | None:
    starts, rule = write.get("starts_at"), write.get("recurrence")
    if write.get("remind_before") is None or starts is None or (rule and trouble_of(rule, starts, zone)):
        return None
    meeting = Meeting(title="", **{name: write.get(name) for name in _DECISIVE})
    mine = MeetingException.f.meeting_id == write.record_id
    exceptions = context.trusted.find(MeetingException, mine) if write.kind == "update" else []
    return next_reminder(meeting, exceptions, context.now)


def check_meetings(context: WriteContext, writes: Sequence[Write]) -> list[Problem]:
    """Return a problem for each of *writes* of a meeting, an exception or an attendance that could not take place."""
    return [
        Problem(message, place)
        for place, write in enumerate(writes)
        if write.kind in ("create", "update")
        for message in _troubles(write)
    ]


def _troubles(write: Write) -> Iterator[str]:
    if write.entity.id == "workspace.meeting":
        yield from _troubles_of_times(write)
        rule, starts, zone = write.get("recurrence"), write.get("starts_at"), _zone(write)
        if rule is not None and starts is not None and zone is not None and (trouble := trouble_of(rule, starts, zone)):
            yield trouble
    elif write.entity.id == "workspace.meeting_exception" and not write.get("is_cancelled"):
        yield from _troubles_of_times(write)
    elif write.entity.id == "workspace.attendance" and write.kind == "update" and _is_another(write):
        yield _("an invitation stays one of the same person to the same meeting")


def _is_another(write: Write) -> bool:
    return write.changes("meeting_id") or write.changes("attendee")


def _troubles_of_times(write: Write) -> Iterator[str]:
    starts, ends = write.get("starts_at"), write.get("ends_at")
    if starts is None or ends is None:
        yield _("a meeting has a start and an end, or a first day")
    elif ends < starts:
        yield _("a meeting ends after it starts")
