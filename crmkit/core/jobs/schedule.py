"""When jobs are to be done by themselves: by the clock, or by a time that stands in records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
from cronsim import CronSim, CronSimError

from crmkit.core.errors import DeclarationError
from crmkit.core.jobs.limits import check_work_id
from crmkit.core.rules.rule import Rule
from crmkit.core.text import gettext as _

__all__ = ["DueRecord", "RecordSchedule", "Schedule", "check_cron", "next_time"]


def check_cron(where: str, cron: str) -> None:
    """Refuse what is no time of cron.

    Raises:
        DeclarationError: it is none; *where* is named.
    """
    try:
        CronSim(cron, datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        message = _("{cron!r} is no time of cron, such as '30 7 * * MON-FRI': {reason}")
        raise DeclarationError(where, message, cron=cron, reason=str(error)) from None


def _check_cron(instance: Any, _attribute: Any, cron: str) -> None:
    check_cron(instance.id, cron)


@attrs.frozen
class Schedule:
    """Enqueues *job* with *arguments* whenever *cron* says, in the company's time zone.

    *cron* has the five fields of cron: ``30 7 * * MON-FRI``. What was missed while no worker ran is made up for once.
    """

    id: str = attrs.field(validator=check_work_id)
    cron: str = attrs.field(validator=_check_cron)
    job: str
    arguments: Any = None


@attrs.frozen
class DueRecord:
    """The arguments of a job that a :class:`RecordSchedule` enqueues: which record, and when it was due."""

    entity: str
    record_id: UUID
    due_at: datetime


def _rule(given: Rule | str | None) -> Rule | None:
    return Rule.parse(given) if isinstance(given, str) else given


@attrs.frozen
class RecordSchedule:
    """Enqueues *job* for each record of *entity* once its date or time *at*, plus *offset*, has come.

    Only records count for which *where* holds then; a date begins at midnight in the company's time zone. A record is
    due once for each value of *at*: one that is put off is due again. What was due before the schedule was first known
    to the database, or longer ago than *lookback*, is left alone. *job* takes a :class:`DueRecord`.
    """

    id: str = attrs.field(validator=check_work_id)
    entity: str
    at: str
    job: str
    where: Rule | None = attrs.field(converter=_rule, default=None)
    offset: timedelta = timedelta(0)
    lookback: timedelta = timedelta(days=7)


def next_time(cron: str, after: datetime, zone: ZoneInfo) -> datetime | None:
    """Return the next moment after *after* at which *cron* strikes in *zone*, in UTC; ``None`` if it never will.

    As in Debian's cron, a time that the clock skips in spring strikes right after the gap, and one that comes twice in
    autumn strikes the first time.
    """
    found = next(CronSim(cron, after.astimezone(zone)), None)
    return None if found is None else found.astimezone(UTC)
