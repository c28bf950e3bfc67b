"""Reading iCalendar (RFC 5545): what a file says of meetings and tasks, in the words of this plugin, or why not."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from threading import Lock
from typing import Any
from zoneinfo import ZoneInfo

from crmkit import CrmkitError, MissingExtraError, translate, translator

__all__ = ["CalendarFileError", "ReadMeeting", "ReadTask", "Untaken", "read_ical"]

# Texts belong to the plugin.
_ = translator(__package__.rpartition(".")[0])

_MOST_BYTES = 10_000_000
_ONE_AT_A_TIME = Lock()
# RFC 5545 counts from 1, the most urgent, to 9; 0 says nothing.
_PRIORITIES = {1: "urgent", 2: "high", 3: "high", 4: "high", 5: "normal", 6: "low", 7: "low", 8: "low", 9: "low"}


class CalendarFileError(CrmkitError):
    """A file is no calendar, or is larger than what is read."""

    code = "calendar-file"
    template = _("This is no iCalendar file: {reason}. Accepted: files of RFC 5545 with at most {most} bytes.")

    def __init__(self, reason: str) -> None:
        """Say what is wrong with it."""
        super().__init__(reason=reason, most=_MOST_BYTES)


@dataclass(frozen=True)
class ReadMeeting:
    """What a file says of a meeting and of single times of it: when they would be, and their start and end.

    Those that do not take place have neither.
    """

    uid: str
    sequence: int
    is_cancelled: bool
    values: Mapping[str, Any]
    times: Mapping[datetime, tuple[datetime, datetime] | None]


@dataclass(frozen=True)
class ReadTask:
    """What a file says of a task."""

    uid: str
    is_cancelled: bool
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Untaken:
    """What cannot be taken from a file, and why."""

    uid: str
    title: str
    reason: str


class _Unusable(Exception):
    """Why a component cannot be taken."""


def read_ical(data: bytes, zone: ZoneInfo) -> Iterator[ReadMeeting | ReadTask | Untaken]:
    """Yield what *data*, an iCalendar file, says; times without a zone are those of *zone*.

    Raises:
        CalendarFileError: it is no such file, or too large.
        MissingExtraError: the package that reads it is not installed.
    """
    for calendar in _parsed(data):
        cancels = str(calendar.get("METHOD", "")).upper() == "CANCEL"
        meetings: dict[str, list[Any]] = {}
        for event in calendar.walk("VEVENT"):
            meetings.setdefault(str(event.get("UID") or ""), []).append(event)
        for uid, events in meetings.items():
            yield _read(partial(_meeting, uid, events, zone, cancels), events[0])
        for todo in calendar.walk("VTODO"):
            yield _read(partial(_task, todo, zone, cancels), todo)


def _read(read: Callable[[], ReadMeeting | ReadTask], component: Any) -> ReadMeeting | ReadTask | Untaken:
    try:
        return read()
    except _Unusable as error:
        reason = str(error)
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        # A property that is there twice, or has a value of another kind than it must have.
        reason = translate(_("it is not what RFC 5545 says: {error}")).format(error=error)
    return Untaken(str(component.get("UID") or ""), _text(component, "SUMMARY") or "", reason)


def _parsed(data: bytes) -> list[Any]:
    try:
        from icalendar import Calendar, use_zoneinfo
    except ImportError:
        raise MissingExtraError(_("A calendar file"), "icalendar", "workspace") from None
    if len(data) > _MOST_BYTES:
        raise CalendarFileError(translate(_("it has {size} bytes")).format(size=len(data)))
    try:
        with _ONE_AT_A_TIME, warnings.catch_warnings():
            # What some programs put in front of the name of a zone is guessed away, with a warning.
            warnings.simplefilter("ignore")
            # The package keeps the zones that files bring along, for the next file as well: it begins with none.
            use_zoneinfo()  # type: ignore[no-untyped-call]
            calendars: list[Any] = Calendar.from_ical(data, multiple=True)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise CalendarFileError(str(error)[:200]) from None
    if not calendars or any(calendar.name != "VCALENDAR" for calendar in calendars):
        raise CalendarFileError(translate(_("it holds no VCALENDAR")))
    return calendars


def _meeting(uid: str, events: Sequence[Any], zone: ZoneInfo, cancels: bool) -> ReadMeeting:
    _check(events, uid)
    masters = [event for event in events if event.get("RECURRENCE-ID") is None]
    single = [event for event in events if event.get("RECURRENCE-ID") is not None]
    if len(masters) > 1:
        raise _Unusable(translate(_("two events have this UID")))
    master = masters[0] if masters else None
    times = _excluded(master, zone) if master is not None else {}
    for event in single:
        times[_moment(event["RECURRENCE-ID"], zone)] = None if cancels or _is_cancelled(event) else _span(event, zone)
    newest = max(int(event.get("SEQUENCE") or 0) for event in events)
    is_cancelled = master is not None and (cancels or _is_cancelled(master))
    return ReadMeeting(uid, newest, is_cancelled, {} if master is None else _values(master, zone), times)


def _check(components: Sequence[Any], uid: str) -> None:
    if not uid:
        raise _Unusable(translate(_("it has no UID")))
    for component in components:
        for name, problem in component.errors:
            raise _Unusable(f"{name}: {problem}")
        for name in ("RDATE", "EXRULE"):
            if component.get(name) is not None:
                raise _Unusable(
                    translate(_("{name} is not understood; let it recur by RRULE and EXDATE")).format(name=name)
                )


def _values(event: Any, zone: ZoneInfo) -> dict[str, Any]:
    values: dict[str, Any] = {
        "title": _text(event, "SUMMARY") or translate(_("Meeting")),
        "description": _text(event, "DESCRIPTION"),
        "place": _text(event, "LOCATION"),
        "is_private": str(event.get("CLASS", "PUBLIC")).upper() in ("PRIVATE", "CONFIDENTIAL"),
        "recurrence": _recurrence(event),
    }
    start = _start(event)
    if isinstance(start.dt, datetime):
        values["starts_at"], values["ends_at"] = _span(event, zone)
        named = _zone_of(start, zone)
        if named is None and values["recurrence"]:
            told = translate(_("it recurs in the time zone {zone!r}, which is not of the IANA database"))
            raise _Unusable(told.format(zone=start.params.get("TZID")))
        return values | ({"time_zone": named} if named else {})
    end = event.get("DTEND")
    last = end.dt if end is not None else start.dt + (_duration(event) or timedelta(days=1))
    # The end of iCalendar is the first day that does not belong to it any more.
    return values | {"starts_on": start.dt, "ends_on": max(start.dt, last - timedelta(days=1))}


def _start(event: Any) -> Any:
    start = event.get("DTSTART")
    if start is None or isinstance(start, list):
        raise _Unusable(translate(_("it has no start")))
    return start


def _span(event: Any, zone: ZoneInfo) -> tuple[datetime, datetime]:
    start, end = _start(event), event.get("DTEND")
    starts = _moment(start, zone)
    if end is not None:
        return starts, _moment(end, zone)
    whole_day = timedelta() if isinstance(start.dt, datetime) else timedelta(days=1)
    return starts, starts + (_duration(event) or whole_day)


def _duration(event: Any) -> timedelta | None:
    found = event.get("DURATION")
    return found.dt if found is not None and isinstance(found.dt, timedelta) else None


def _moment(value: Any, zone: ZoneInfo) -> datetime:
    """Return the moment that *value*, a date or a time, is or begins."""
    found = value.dt
    if not isinstance(found, datetime):
        return datetime.combine(found, time(), zone).astimezone(UTC)
    if found.tzinfo is not None:
        return found.astimezone(UTC)
    known = _zone_of(value, zone)
    if known is None:
        told = translate(_("the time zone {zone!r} is unknown"))
        raise _Unusable(told.format(zone=value.params.get("TZID")))
    return found.replace(tzinfo=ZoneInfo(known)).astimezone(UTC)


def _zone_of(value: Any, zone: ZoneInfo) -> str | None:
    """Return the name that the IANA gives to the time zone of *value*; ``None`` if it has none."""
    key = getattr(value.dt.tzinfo, "key", None)
    named = value.params.get("TZID")
    if key is None and named is None:
        # A floating time is that of whoever reads it.
        return zone.key
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

    for candidate in (key, named, WINDOWS_TO_OLSON.get(named or "")):
        try:
            return ZoneInfo(candidate).key if candidate else None
        except (KeyError, ValueError, OSError):
            continue
    return None


def _recurrence(event: Any) -> str | None:
    rule = event.get("RRULE")
    if isinstance(rule, list):
        raise _Unusable(translate(_("it recurs by several rules")))
    if rule is None:
        return None
    text: str = rule.to_ical().decode()
    return text


def _excluded(event: Any, zone: ZoneInfo) -> dict[datetime, tuple[datetime, datetime] | None]:
    found = event.get("EXDATE") or []
    lists = found if isinstance(found, list) else [found]
    return {_moment(_Dated(each.dt, dates.params), zone): None for dates in lists for each in dates.dts}


@dataclass(frozen=True)
class _Dated:
    """A date of a list; the list tells the time zone."""

    dt: date
    params: Mapping[str, str]


def _task(todo: Any, zone: ZoneInfo, cancels: bool) -> ReadTask:
    uid = str(todo.get("UID") or "")
    _check([todo], uid)
    is_done = str(todo.get("STATUS", "")).upper() == "COMPLETED" or todo.get("COMPLETED") is not None
    values: dict[str, Any] = {
        "title": _text(todo, "SUMMARY") or translate(_("Task")),
        "description": _text(todo, "DESCRIPTION"),
        "priority": _PRIORITIES.get(int(todo.get("PRIORITY") or 0), "normal"),
        "progress": Decimal(100) if is_done else min(Decimal(int(todo.get("PERCENT-COMPLETE") or 0)), Decimal(99)),
    }
    if (due := todo.get("DUE")) is not None:
        is_time = isinstance(due.dt, datetime)
        values |= {"due_at": _moment(due, zone)} if is_time else {"due_on": due.dt, "due_at": None}
    return ReadTask(uid, cancels or _is_cancelled(todo), values)


def _is_cancelled(component: Any) -> bool:
    return str(component.get("STATUS", "")).upper() == "CANCELLED"


def _text(component: Any, name: str) -> str | None:
    found = component.get(name)
    text = found[0] if isinstance(found, list) and found else found
    return str(text).strip() or None if text is not None else None
