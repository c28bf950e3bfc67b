"""The lease table: the same statements on SQLite, where a writer is alone, and PostgreSQL, where rows are locked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import attrs
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from crmkit.core.jobs.errors import WorkerLostError
from crmkit.core.jobs.job import PRIORITIES
from crmkit.core.jobs.lease import LEASE, Lease, Waiting
from crmkit.core.storage.columns import Id
from crmkit.core.storage.prepared import Insert, Prepared
from crmkit.core.storage.schema import Schema

__all__ = ["JobStore"]

_LEASED = [field.name for field in attrs.fields(Lease)]
# How long jobs are kept after they are done, and how many are forgotten at once.
_KEPT, _SWEPT = timedelta(days=30), 1000
# By how much the clock of who was told of a row may be behind the clock of who saw that it was due.
_SKEW = timedelta(seconds=5)
_IDLE: Mapping[str, Any] = {"owner": None, "leased_until": None, "is_suspect": False}


class JobStore:
    """Statements on the lease table, shared by everything that enqueues and by every worker of one CRM.

    What takes a *lease* changes its row only while that lease is the newest one, and returns whether it was.
    """

    def __init__(self, schema: Schema, dialect: sa.Dialect) -> None:
        """Prepare the statements."""
        self.table = table = schema.system.job
        self._insert = Insert(table, dialect)
        make = postgresql.insert if dialect.name == "postgresql" else sqlite.insert
        # The index is partial for the eye alone: NULL keys never collide.
        self._insert_once = make(table).on_conflict_do_nothing(index_elements=[table.c.key])
        held = [
            table.c.id == sa.bindparam("_id", type_=Id(), required=True),
            table.c.fence == sa.bindparam("_fence", type_=sa.Integer(), required=True),
            table.c.state == "running",
        ]
        self._held = sa.and_(*held)
        self._delete = Prepared(sa.delete(table).where(self._held), dialect)

    def add(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert *rows*, which have no key."""
        self._insert.insert(connection, rows)

    def add_once(self, connection: Connection, row: Mapping[str, Any]) -> UUID:
        """Insert *row* unless there is one with its key, and return the id of the one that is there."""
        connection.execute(self._insert_once, row)
        if row["key"] is None:
            return row["id"]  # type: ignore[no-any-return]
        found = sa.select(self.table.c.id).where(self.table.c.key == row["key"])
        id_: UUID = connection.execute(found).scalar_one()
        return id_

    def lease(
        self,
        connection: Connection,
        owner: str,
        now: datetime,
        plugins: Collection[str],
        most: int,
        *,
        suspect: bool = False,
    ) -> list[Lease]:
        """Return up to *most* rows of *plugins* that are due, now leased by *owner* for a while.

        Only those that a lost worker had among others, if *suspect*: a worker does such work alone.
        """
        found: list[Lease] = []
        for priority in range(len(PRIORITIES)):
            if len(found) < most and plugins:
                due = (self.table.c.priority == priority, self.table.c.is_suspect.is_(suspect))
                found += self._due(connection, now, plugins, due, most - len(found))
        return self._take(connection, owner, now, found)

    def lease_one(
        self, connection: Connection, owner: str, now: datetime, plugins: Collection[str], id_: UUID
    ) -> list[Lease]:
        """Return the row *id_*, now leased by *owner* for a while; nothing unless :meth:`waits` holds."""
        found = self._due(connection, now + _SKEW, plugins, [self.table.c.id == id_], 1)
        return self._take(connection, owner, now, found)

    def _take(self, connection: Connection, owner: str, now: datetime, found: list[Lease]) -> list[Lease]:
        if found:
            taken = sa.update(self.table).where(self.table.c.id.in_([lease.id for lease in found]))
            counted = {name: self.table.c[name] + 1 for name in ("fence", "attempts")}
            connection.execute(taken.values(state="running", owner=owner, leased_until=now + LEASE, **counted))
        return found

    def _due(
        self,
        connection: Connection,
        now: datetime,
        plugins: Collection[str],
        further: Iterable[sa.ColumnElement[bool]],
        most: int,
    ) -> list[Lease]:
        c = self.table.c
        due = sa.select(*(c[name] for name in _LEASED)).where(
            c.state == "ready", c.run_at <= now, c.plugin.in_(list(plugins)), *further
        )
        rows = connection.execute(due.order_by(c.run_at, c.id).limit(most).with_for_update(skip_locked=True))
        return [Lease(**{**row, "fence": row["fence"] + 1, "attempts": row["attempts"] + 1}) for row in rows.mappings()]

    def is_due(self, connection: Connection, now: datetime, plugins: Collection[str]) -> bool:
        """Return whether a row of *plugins* is due."""
        c, first = self.table.c, sa.select(sa.literal(1))
        due = (c.state == "ready", c.run_at <= now, c.plugin.in_(list(plugins)))
        any_of = [sa.exists(first.where(*due, c.priority == place)) for place in range(len(PRIORITIES))]
        return bool(connection.execute(sa.select(sa.or_(*any_of))).scalar())

    def waits(self, connection: Connection, now: datetime, plugins: Collection[str], id_: UUID) -> bool:
        """Return whether the row *id_* is due, of *plugins*, and nobody's; clocks may differ by a few seconds."""
        c = self.table.c
        due = (c.id == id_, c.state == "ready", c.run_at <= now + _SKEW, c.plugin.in_(list(plugins)))
        return connection.execute(sa.select(sa.literal(1)).where(*due)).scalar() is not None

    def waiting(
        self, connection: Connection, now: datetime, before: datetime, plugins: Collection[str], most: int
    ) -> list[Waiting]:
        """Return up to *most* rows of *plugins* that are due and nobody's, the most urgent first.

        Of the jobs that were enqueued to be done at once, only those enqueued until *before*.
        """
        c = self.table.c
        due = sa.select(c.id, c.fence, c.run_at).where(
            c.state == "ready",
            c.run_at <= now,
            c.plugin.in_(list(plugins)),
            sa.or_(c.kind != "job", c.run_at != c.created_at, c.created_at <= before),
        )
        rows = connection.execute(due.order_by(c.priority, c.run_at, c.id).limit(most))
        return [Waiting(*row) for row in rows]

    def next_due(self, connection: Connection, plugins: Collection[str]) -> datetime | None:
        """Return when the first of the rows of *plugins* that are ready is, or was, due."""
        c = self.table.c
        first = sa.select(c.run_at).where(c.state == "ready", c.plugin.in_(list(plugins)))
        return connection.execute(first.order_by(c.run_at).limit(1)).scalar()

    def has_expired(self, connection: Connection, now: datetime) -> bool:
        """Return whether a worker gave no sign of life until *now*."""
        expired = sa.select(sa.literal(1)).where(self._expired(now)).limit(1)
        return connection.execute(expired).scalar() is not None

    def _expired(self, now: datetime) -> sa.ColumnElement[bool]:
        return sa.and_(self.table.c.state == "running", self.table.c.leased_until <= now)

    def reclaim(self, connection: Connection, now: datetime) -> int:
        """Take back what workers that gave no sign of life had, and return how much that was.

        Which of several rows was at fault nobody knows: none counts as tried, and each becomes suspect. What a worker
        was lost with alone counts.
        """
        c, lost = self.table.c, WorkerLostError()
        used_up = sa.and_(c.is_suspect, c.attempts >= c.tries)
        values = {**_IDLE, "state": "dead", "finished_at": now, "error": lost.code, "details": str(lost)}
        dead = connection.execute(sa.update(self.table).where(self._expired(now), used_up).values(values)).rowcount
        attempts = c.attempts - sa.case((c.is_suspect, 0), else_=1)
        values = {**_IDLE, "state": "ready", "is_suspect": True, "attempts": attempts}
        return dead + connection.execute(sa.update(self.table).where(self._expired(now)).values(values)).rowcount

    def sweep(self, connection: Connection, now: datetime) -> int:
        """Forget some of the jobs that were done or cancelled long ago, and return how many."""
        c = self.table.c
        old = sa.select(c.id).where(c.state.in_(["done", "cancelled"]), c.finished_at < now - _KEPT).limit(_SWEPT)
        return connection.execute(sa.delete(self.table).where(c.id.in_(old))).rowcount

    def extend(self, connection: Connection, owner: str, ids: Collection[UUID], now: datetime) -> int:
        """Say that *owner* is alive *now*, so that it keeps the rows *ids*. Return how many it still had."""
        c = self.table.c
        mine = sa.and_(c.id.in_(list(ids)), c.owner == owner, c.state == "running")
        return connection.execute(sa.update(self.table).where(mine).values(leased_until=now + LEASE)).rowcount

    def hold(self, connection: Connection, lease: Lease, now: datetime, **values: Any) -> bool:
        """Keep *lease* a while from *now* on; nobody else can take it before this transaction ends."""
        return self._change(connection, lease, leased_until=now + LEASE, **values)

    def finish(self, connection: Connection, lease: Lease, now: datetime) -> bool:
        """Mark the work as done. Of a delivery nothing is kept."""
        if lease.kind == "delivery":
            return self.finish_deliveries(connection, [lease]) == 1
        return self._change(connection, lease, state="done", finished_at=now, error=None, details=None, **_IDLE)

    def finish_deliveries(self, connection: Connection, leases: Sequence[Lease]) -> int:
        """Mark deliveries as done and return how many of them still were their worker's."""
        rows = [self._delete.parameters({"_id": lease.id, "_fence": lease.fence}) for lease in leases]
        return self._delete.run_rows(connection, rows)

    def retry_later(self, connection: Connection, lease: Lease, run_at: datetime, error: str, details: str) -> bool:
        """Have the work tried again at *run_at*."""
        return self._change(connection, lease, state="ready", run_at=run_at, error=error, details=details, **_IDLE)

    def park(self, connection: Connection, lease: Lease, now: datetime, error: str, details: str) -> bool:
        """Leave the work to an administrator."""
        return self._change(connection, lease, state="dead", finished_at=now, error=error, details=details, **_IDLE)

    def give_back(self, connection: Connection, leases: Sequence[Lease]) -> None:
        """Let others do what was leased and not begun; it does not count as tried."""
        for lease in leases:
            self._change(connection, lease, state="ready", attempts=lease.attempts - 1, **_IDLE)

    def _change(self, connection: Connection, lease: Lease, **values: Any) -> bool:
        change = sa.update(self.table).where(self._held).values(values)
        return connection.execute(change, {"_id": lease.id, "_fence": lease.fence}).rowcount == 1
