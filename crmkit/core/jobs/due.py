"""Records whose time has come, each once for each value of that time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.fields import Date
from crmkit.core.jobs.schedule import DueRecord, RecordSchedule
from crmkit.core.policy.rule_sources import FieldScope, TrustedSource
from crmkit.core.rules.check import check
from crmkit.core.rules.sql import compile_rule

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["DueRecords"]

_AT_ONCE = 1000


class DueRecords:
    """The records that one schedule looks at."""

    def __init__(self, crm: CRM, schedule: RecordSchedule, zone: ZoneInfo) -> None:
        """Look at the records of *schedule*; dates begin at midnight in *zone*."""
        self._crm, self._schedule, self._zone = crm, schedule, zone
        self._info = crm.registry.entities[schedule.entity]
        self._table = crm.schema.table(self._info)
        self._at = self._table.c[schedule.at]
        self._is_date = isinstance(self._info.fields[schedule.at].type, Date)
        self._taken = crm.schema.system.occurrence

    def take(self, connection: Connection, since: datetime, now: datetime) -> tuple[list[DueRecord], datetime | None]:
        """Return the records that are due now and were not before, and when to look again, if that is known.

        What was due before *since* is left alone.
        """
        schedule, c = self._schedule, self._taken.c
        first = max(since, now - schedule.lookback)
        connection.execute(sa.delete(self._taken).where(c.schedule == schedule.id, c.due_at < now - schedule.lookback))
        taken = connection.execute(sa.select(c.record_id, c.due_at).where(c.schedule == schedule.id))
        known = {(row.record_id, row.due_at) for row in taken}
        found: list[DueRecord] = []
        for id_, due_at in self._between(connection, first, now):
            if first <= due_at <= now and (id_, due_at) not in known:
                found.append(DueRecord(schedule.entity, id_, due_at))
            if len(found) == _AT_ONCE:
                break
        self._remember(connection, found)
        return found, now if len(found) == _AT_ONCE else self._following(connection, now)

    def _remember(self, connection: Connection, found: Iterable[DueRecord]) -> None:
        id_ = self._schedule.id
        rows = [{"schedule": id_, "record_id": one.record_id, "due_at": one.due_at} for one in found]
        if rows:
            connection.execute(sa.insert(self._taken), rows)

    def _between(self, connection: Connection, first: datetime, last: datetime) -> Iterator[tuple[UUID, datetime]]:
        c, offset = self._table.c, self._schedule.offset
        lower, upper = self._value(first - offset), self._value(last - offset)
        wanted = sa.select(c.id, self._at).where(self._at >= lower, self._at <= upper, c.deleted_at.is_(None))
        for id_, value in self._where(connection, wanted.order_by(self._at, c.id)):
            yield id_, self._due_at(value)

    def _where(self, connection: Connection, wanted: sa.Select[Any]) -> Iterable[Any]:
        """Run *wanted* with what the schedule's rule says, which is evaluated with trusted eyes."""
        rule = self._schedule.where
        if rule is None:
            return connection.execute(wanted).all()
        checked = check(rule, FieldScope(self._crm.registry, self._info))
        source = TrustedSource(self._crm.registry, self._crm.schema, self._info, self._table.c)
        moment = self._crm.model.moment(self._crm.model.system_access)
        return connection.execute(wanted.where(compile_rule(checked, source, moment))).all()

    def _following(self, connection: Connection, now: datetime) -> datetime | None:
        """Return when the next record may be due, as far as the values stand now."""
        ahead = sa.select(sa.func.min(self._at)).where(self._at > self._value(now - self._schedule.offset))
        value = connection.execute(ahead).scalar()
        return None if value is None else self._due_at(value)

    def _value(self, moment: datetime) -> Any:
        return moment.astimezone(self._zone).date() if self._is_date else moment

    def _due_at(self, value: Any) -> datetime:
        begin = datetime.combine(value, time(), self._zone) if self._is_date else value
        return begin.astimezone(UTC) + self._schedule.offset
