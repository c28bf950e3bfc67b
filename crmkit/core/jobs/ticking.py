"""Ticking: what schedules have come due becomes jobs, in the transaction that also says when they are due next."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.jobs.due import DueRecords
from crmkit.core.jobs.job import NoArguments
from crmkit.core.jobs.limits import AUTOMATIONS
from crmkit.core.jobs.outlook import LOOK
from crmkit.core.jobs.rows import new_row
from crmkit.core.jobs.schedule import RecordSchedule, Schedule, next_time

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["Ticker"]

_NEVER = timedelta(days=365)


class Ticker:
    """Keeps the schedules of one CRM: each has a row with the time at which it is due next, which outlives workers."""

    def __init__(self, crm: CRM) -> None:
        """Know the schedules that the plugins declare, and those of automations."""
        self._crm, self._zone = crm, ZoneInfo(crm.config.company.time_zone)
        self._table = table = crm.schema.system.job
        names = table.c.name.in_(sa.bindparam("names", type_=sa.String(), expanding=True))
        self._all = sa.select(table.c.name, table.c.run_at, table.c.payload).where(table.c.state == "scheduled", names)
        self._locked = self._all.with_for_update(skip_locked=True)
        self._look_up()
        self._is_known = not self._schedules

    def _look_up(self) -> None:
        self._registry = self._crm.registry
        self._schedules: Mapping[str, Schedule | RecordSchedule] = {
            **self._registry.schedules,
            **self._registry.record_schedules,
        }
        self._is_known = False

    @property
    def is_known(self) -> bool:
        """Whether every schedule that there is now has its row."""
        if self._crm.registry is not self._registry:
            self._look_up()
        return self._is_known

    @property
    def names(self) -> Collection[str]:
        """The schedules."""
        return self._schedules.keys()

    @property
    def of_records(self) -> Collection[str]:
        """Those of them that look at records."""
        return self._registry.record_schedules.keys()

    def next_due(self, connection: Connection) -> datetime | None:
        """Return when the first schedule is due."""
        return min((row.run_at for row in self._rows(connection)), default=None)

    def tick(self, connection: Connection, now: datetime) -> int:
        """Enqueue the jobs of every schedule that is due, and return how many schedules that were."""
        if not self.is_known:
            self._meet(connection, now)
        due = [row for row in self._rows(connection, lock=True) if self._strikes(row, now)]
        for row in due:
            schedule = self._schedules[row.name]
            if isinstance(schedule, Schedule):
                following = self._strike(connection, schedule, row, now)
            else:
                following = self._look(connection, schedule, row, now)
            self._set(connection, row.name, run_at=following)
        return len(due)

    def _rows(self, connection: Connection, *, lock: bool = False) -> list[Any]:
        if not self._schedules:
            return []
        found = connection.execute(self._locked if lock else self._all, {"names": list(self._schedules)})
        return list(found.all())

    def _strikes(self, row: Any, now: datetime) -> bool:
        # A clock that was put back must not make records wait until it is where it was.
        is_late = isinstance(self._schedules[row.name], RecordSchedule) and row.run_at > now + LOOK
        return bool(row.run_at <= now) or is_late

    def _meet(self, connection: Connection, now: datetime) -> None:
        """Make a row for each schedule that has none yet, and reckon anew where the declaration has changed.

        That of an automation which is switched off goes: once it is on again, it begins anew.
        """
        c = self._table.c
        gone = c.kind == "schedule", c.plugin == AUTOMATIONS, c.name.not_in(list(self._schedules))
        connection.execute(sa.delete(self._table).where(*gone))
        known = {row.name: row.payload for row in self._rows(connection)}
        for id_, schedule in self._schedules.items():
            if id_ not in known:
                self._crm.model.jobs.add_once(connection, self._new(schedule, now))
            elif isinstance(schedule, Schedule) and known[id_].get("cron") != schedule.cron:
                self._set(connection, id_, run_at=self._next(schedule, now), payload={"cron": schedule.cron})
        self._is_known = True

    def _new(self, schedule: Schedule | RecordSchedule, now: datetime) -> Mapping[str, Any]:
        if isinstance(schedule, Schedule):
            run_at, payload = self._next(schedule, now), {"cron": schedule.cron}
        else:
            run_at, payload = now, {"since": now.isoformat()}
        row = new_row("schedule", schedule.id, payload, now, run_at=run_at, key=f"schedule:{schedule.id}")
        return {**row, "state": "scheduled"}

    def _set(self, connection: Connection, name: str, **values: Any) -> None:
        mine = sa.update(self._table).where(self._table.c.name == name, self._table.c.kind == "schedule")
        connection.execute(mine.values(values))

    def _next(self, schedule: Schedule, now: datetime) -> datetime:
        return next_time(schedule.cron, now, self._zone) or now + _NEVER

    def _strike(self, connection: Connection, schedule: Schedule, row: Any, now: datetime) -> datetime:
        """Enqueue the job of the time that was due, once for all that were missed, and return the next time."""
        arguments = NoArguments() if schedule.arguments is None else schedule.arguments
        self._enqueue(connection, schedule, arguments, f"{row.run_at.isoformat()}", now)
        return self._next(schedule, now)

    def _look(self, connection: Connection, schedule: RecordSchedule, row: Any, now: datetime) -> datetime:
        """Enqueue the job for each record that is due, and return when to look again."""
        due = DueRecords(self._crm, schedule, self._zone)
        since = datetime.fromisoformat(row.payload["since"])
        found, following = due.take(connection, since, now)
        for one in found:
            self._enqueue(connection, schedule, one, f"{one.record_id}:{one.due_at.isoformat()}", now)
        return min(following or now + LOOK, now + LOOK)

    def _enqueue(
        self, connection: Connection, schedule: Schedule | RecordSchedule, arguments: Any, when: str, now: datetime
    ) -> None:
        job = self._crm.registry.jobs[schedule.job]
        row = new_row(
            "job",
            job.id,
            msgspec.to_builtins(arguments),
            now,
            key=f"{schedule.id}@{when}",
            priority=job.priority,
            tries=job.tries,
            cause=schedule.id,
        )
        self._crm.model.jobs.add_once(connection, row)
