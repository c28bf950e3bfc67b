"""Taking meetings and tasks over from iCalendar files, as often as one likes (RFC 5545, RFC 5546)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from crmkit import CrmkitError, Reader, Writer, translator

from ..entities import Meeting, MeetingException, Task
from .ical_reading import ReadMeeting, ReadTask, Untaken, read_ical
from .meetings import cancel_one, move_one
from .recurrence import is_same_rule

__all__ = ["OWN", "CalendarImport", "import_calendar"]

# Texts belong to the plugin.
_ = translator(__package__.rpartition(".")[0])

#: Behind the id of a record in the UIDs that this plugin makes.
OWN = "@crmkit"
Entry = TypeVar("Entry", Meeting, Task)


@dataclass(frozen=True)
class CalendarImport:
    """What became of a file: how many meetings and tasks were made, updated and cancelled, and what was not taken."""

    made: int
    updated: int
    cancelled: int
    unchanged: int
    refused: tuple[Untaken, ...]


def import_calendar(writing: Callable[[], AbstractContextManager[Writer]], data: bytes) -> CalendarImport:
    """Take over what *data*, an iCalendar file, says, each meeting and task in a transaction of its own.

    *writing* opens a writer of whoever imports, who owns what is made. What was taken over before is found by its UID
    and updated, unless the file has an older revision of it (``SEQUENCE``); what is cancelled goes into the bin. What
    the file says of attendees is left alone: nobody is invited by a file.

    Raises:
        CalendarFileError: it is no such file, or too large.
        MissingExtraError: the package that reads it is not installed.
    """
    with writing() as db:
        zone = ZoneInfo(db.access.time_zone)
    done, refused = Counter[str](), list[Untaken]()
    for read in read_ical(data, zone):
        if isinstance(read, Untaken):
            refused.append(read)
            continue
        try:
            with writing() as db:
                outcome = _take_meeting(db, read) if isinstance(read, ReadMeeting) else _take_task(db, read)
            done[outcome] += 1
        except CrmkitError as error:
            refused.append(Untaken(read.uid, str(read.values.get("title", "")), str(error)))
    return CalendarImport(done["made"], done["updated"], done["cancelled"], done["unchanged"], tuple(refused))


def _take_meeting(db: Writer, read: ReadMeeting) -> str:
    known, is_binned = _known(db, Meeting, read.uid)
    if known is None:
        if read.is_cancelled or not read.values:
            return "unchanged"
        made = db.create(Meeting(**read.values, uid=read.uid, sequence=read.sequence))
        _except(db, made, read.times)
        return "made"
    if read.sequence < known.sequence or (is_binned and read.sequence == known.sequence):
        return "unchanged"
    if read.is_cancelled:
        return _cancel(db, known, is_binned)
    if is_binned:
        known = db.restore(Meeting, known.id)
    changes = _changes(known, read.values)
    updated = db.update(known, changes) if changes else known
    if updated.sequence != read.sequence:
        # The revision is that of the file, whatever changed: many calendars never count theirs.
        updated = db.update(updated, sequence=read.sequence)
    is_changed = _except(db, updated, read.times) or updated.version != known.version
    return "updated" if is_changed or is_binned else "unchanged"


def _except(db: Writer, meeting: Meeting, times: Mapping[datetime, tuple[datetime, datetime] | None]) -> bool:
    """Have single times of *meeting* as the file has them, and return whether anything changed."""
    found = db.find(MeetingException, MeetingException.f.meeting_id == meeting.id)
    known = {each.original_at: _span(each) for each in found}
    changed = {original: span for original, span in times.items() if known.get(original, ...) != span}
    for original, span in changed.items():
        if span is None:
            cancel_one(db, meeting, original)
        else:
            move_one(db, meeting, original, *span)
    return bool(changed)


def _span(exception: MeetingException) -> tuple[datetime, datetime] | None:
    if exception.is_cancelled or exception.starts_at is None or exception.ends_at is None:
        return None
    return exception.starts_at, exception.ends_at


def _take_task(db: Writer, read: ReadTask) -> str:
    known, is_binned = _known(db, Task, read.uid)
    if known is None:
        if read.is_cancelled:
            return "unchanged"
        db.create(Task(**read.values, uid=read.uid))
        return "made"
    if is_binned:
        return "unchanged"
    if read.is_cancelled:
        return _cancel(db, known, is_binned)
    changes = _changes(known, read.values)
    if changes:
        db.update(known, changes)
    return "updated" if changes else "unchanged"


def _cancel(db: Writer, known: Meeting | Task, is_binned: bool) -> str:
    if is_binned:
        return "unchanged"
    db.delete(known)
    return "cancelled"


def _changes(known: Meeting | Task, values: Mapping[str, Any]) -> dict[str, Any]:
    # What is hidden raises as what does not exist, and is left as it is.
    changes = {name: value for name, value in values.items() if getattr(known, name, value) != value}
    if "recurrence" in changes and isinstance(known, Meeting):
        zone = ZoneInfo(values.get("time_zone") or known.time_zone or "UTC")
        if is_same_rule(known.recurrence, changes["recurrence"], zone):
            del changes["recurrence"]
    return changes


def _known(db: Reader, entity: type[Entry], uid: str) -> tuple[Entry | None, bool]:
    """Return what of the reader's own has this UID, and whether it lies in the bin.

    Raises:
        NotYoursError: it has, and is not the reader's.
    """
    f, own = entity.f, _own_id(uid)
    called = f.uid == uid if own is None else (f.uid == uid) | (f.id == own)
    for deleted in (False, True):
        for found in db.find(entity, (f.owner_id == db.moment.me) & called, deleted=deleted, order_by="-id", limit=1):
            return found, deleted
    if own is not None and db.get_many(entity, [own]):
        raise NotYoursError()
    return None, False


def _own_id(uid: str) -> UUID | None:
    try:
        return UUID(uid.removesuffix(OWN)) if uid.endswith(OWN) else None
    except ValueError:
        return None


class NotYoursError(CrmkitError):
    """A file holds what belongs to somebody else in this CRM."""

    code = "calendar-entry-of-others"
    template = _("It belongs to somebody else here, who changes it.")
