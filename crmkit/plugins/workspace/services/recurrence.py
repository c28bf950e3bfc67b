"""When meetings recur: rules of RFC 5545, read and expanded by dateutil."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from crmkit import MissingExtraError, translator

__all__ = ["LONGEST", "is_same_rule", "last_moment", "occurrences", "plain_rule", "trouble_of"]

# Texts belong to the plugin.
_ = translator(__package__.rpartition(".")[0])

#: For so long a rule without an end goes on, so that no rule takes for ever.
LONGEST = timedelta(days=20 * 365)
_MOST = 1000
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_PARTS = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH", "BYSETPOS")
_KNOWN = frozenset((*_PARTS, "WKST"))
# What may go with days and weeks. dateutil looks for the next day up to the year 9999, day by day: what never comes
# true must be found out before.
_WITH = {"DAILY": ("BYDAY", "BYMONTH", "BYMONTHDAY"), "WEEKLY": ("BYDAY", "BYMONTH")}
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_UNTIL = re.compile(r"\d{8}(T\d{6}Z)?")


def plain_rule(rule: str) -> str:
    """Return *rule* in upper case, without blanks and without the name of the property."""
    return re.sub(r"\s", "", rule).upper().removeprefix("RRULE:").strip(";")


def occurrences(start: datetime, rule: str | None, zone: ZoneInfo, before: datetime) -> Iterator[datetime]:
    """Yield when a meeting starts that first starts at *start*, in UTC, in order, as far as that is before *before*.

    The time of day stays that of *zone*. What falls into the hour that a clock skips comes as if it had not, which is
    what RFC 5545 says. *rule* has passed :func:`trouble_of`.
    """
    if rule is None:
        yield from [start][: start < before]
        return
    parts, first = _parts(rule), start.astimezone(zone)
    last = min(before - timedelta(microseconds=1), start + LONGEST, _until(parts, zone))
    if last >= start:
        expanded = _expanded(parts, first, last)
        yield from (each.astimezone(UTC) for each in islice(expanded, int(parts.get("COUNT", 0)) or None))


def trouble_of(rule: str, start: datetime, zone: ZoneInfo) -> str | None:
    """Return why a meeting at *start* cannot recur by the plain *rule*; ``None`` if it can."""
    parts = _parts(rule)
    if len(parts) != rule.count(";") + 1 or set(parts) - _KNOWN:
        return _("it is no rule of RFC 5545 by days, weeks, months or years")
    frequency = parts.get("FREQ")
    if frequency not in _FREQUENCIES:
        return _("it does not say FREQ=DAILY, WEEKLY, MONTHLY or YEARLY")
    if any(name.startswith("BY") and name not in _WITH.get(frequency, _PARTS) for name in parts):
        return _("days recur by BYDAY, BYMONTH and BYMONTHDAY, weeks by BYDAY and BYMONTH")
    if any(not _is_number(parts[name]) for name in ("INTERVAL", "COUNT") if name in parts):
        return _("INTERVAL and COUNT are whole numbers from 1 to 1000")
    if "UNTIL" in parts and ("COUNT" in parts or not _UNTIL.fullmatch(parts["UNTIL"])):
        return _("UNTIL is a day such as 20261231 or a time such as 20261231T170000Z, and goes without COUNT")
    try:
        fits = _fits(parts, start.astimezone(zone))
        first = next(occurrences(start, rule, zone, start + LONGEST), None) if fits else None
    except (ValueError, TypeError, IndexError):
        return _("it is no rule of RFC 5545 by days, weeks, months or years")
    return None if first == start else _("the first meeting is not on one of its days")


def is_same_rule(one: str | None, other: str | None, zone: ZoneInfo) -> bool:
    """Return whether two plain rules say the same, in whatever order, and their end as a day or as its last moment."""
    if one is None or other is None:
        return one == other
    said, also_said = _parts(one), _parts(other)
    return _until(said, zone) == _until(also_said, zone) and {**said, "UNTIL": ""} == {**also_said, "UNTIL": ""}


def last_moment(rule: str, zone: ZoneInfo) -> datetime:
    """Return the moment up to which *rule* goes on, the end of time where it does not say."""
    return _until(_parts(rule), zone)


def _fits(parts: dict[str, str], first: datetime) -> bool:
    """Return whether *first*, a local time, is on one of the days, as far as that can be told without looking on."""
    length = monthrange(first.year, first.month)[1]
    by_month, by_day = (_numbers(parts, name) for name in ("BYMONTH", "BYMONTHDAY"))
    if by_month and first.month not in by_month:
        return False
    if by_day and not by_day & {first.day, first.day - length - 1}:
        return False
    weekdays = parts["BYDAY"].split(",") if "BYDAY" in parts and parts["FREQ"] in _WITH else ()
    return not weekdays or _DAYS[first.weekday()] in weekdays


def _numbers(parts: dict[str, str], name: str) -> set[int]:
    return {int(number) for number in parts[name].split(",")} if name in parts else set()


def _parts(rule: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in rule.split(";") if "=" in part)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 1 <= int(text) <= _MOST


def _until(parts: dict[str, str], zone: ZoneInfo) -> datetime:
    text = parts.get("UNTIL")
    if text is None:
        return datetime.max.replace(tzinfo=UTC)
    if text.endswith("Z"):
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    # A day counts whole.
    return datetime.strptime(f"{text}235959", "%Y%m%d%H%M%S").replace(tzinfo=zone)


def _expanded(parts: dict[str, str], first: datetime, last: datetime) -> Any:
    """Return the local times of the rule up to *last*. An end is always there, because some rules never come true."""
    try:
        from dateutil.rrule import rrulestr
    except ImportError:
        raise MissingExtraError(_("A meeting that recurs"), "python-dateutil", "workspace") from None
    endless = ";".join(f"{name}={value}" for name, value in parts.items() if name not in ("COUNT", "UNTIL"))
    return rrulestr(endless, dtstart=first).replace(until=last.astimezone(UTC))
