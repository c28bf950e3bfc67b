"""The lease table: the same statements on SQLite, where a writer is alone, and PostgreSQL, where rows are locked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from crmkit.core.jobs.errors import WorkerLostError
from crmkit.core.jobs.lease import LEASE, Lease, Waiting
from crmkit.core.jobs.statements import IDLE, Statements, woken
from crmkit.core.storage.columns import Id
from crmkit.core.storage.prepared import Insert, Prepared
from crmkit.core.storage.schema import Schema

__all__ = ["JobStore"]

# How many jobs are forgotten at once.
_SWEPT = 1000
# By how much the clock of who was told of a row may be behind the clock of who saw that it was due.
_SKEW = timedelta(seconds=5)


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
        self._insert_once = make(table).on_conflict_do_nothing(index_elements=[table.c.key]).returning(table.c.id)
        self._by_key = sa.select(table.c.id).where(table.c.key == sa.bindparam("key"))
        self._wake = woken(make(table), table.c)
        held = [
            table.c.id == sa.bindparam("_id", type_=Id(), required=True),
            table.c.fence == sa.bindparam("_fence", type_=sa.Integer(), required=True),
            table.c.state == "running",
        ]
        self._held = sa.and_(*held)
        self._delete = Prepared(sa.delete(table).where(self._held), dialect)
        self.statements = Statements(table)
        self._changes: dict[tuple[str, ...], sa.Update] = {}

    def add(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert *rows*, which have no key."""
        self._insert.insert(connection, rows)

    def add_once(self, connection: Connection, row: Mapping[str, Any]) -> UUID:
        """Insert *row* unless there is one with its key, and return the id of the one that is there."""
        id_: UUID | None = connection.execute(self._insert_once, row).scalar()
        if id_ is None:
            id_ = connection.execute(self._by_key, {"key": row["key"]}).scalar_one()
        return id_

    def wake(self, connection: Connection, row: Mapping[str, Any]) -> UUID:
        """Insert *row*, or have the one with its key done at its time, or once more; return the id of the one."""
        id_: UUID = connection.execute(self._wake, row).scalar_one()
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
        statement = self.statements.suspect if suspect else self.statements.due
        return self._take(connection, owner, now, self._due(connection, statement, now, plugins, {"most": most}))

    def lease_one(
        self, connection: Connection, owner: str, now: datetime, plugins: Collection[str], id_: UUID
    ) -> list[Lease]:
        """Return the row *id_*, now leased by *owner* for a while; nothing unless :meth:`waits` holds."""
        found = self._due(connection, self.statements.due_one, now + _SKEW, plugins, {"id": id_, "most": 1})
        return self._take(connection, owner, now, found)

    def _take(self, connection: Connection, owner: str, now: datetime, found: list[Lease]) -> list[Lease]:
        if found:
            taken = {"ids": [lease.id for lease in found], "by": owner, "until": now + LEASE}
            connection.execute(self.statements.take, taken)
        return found

    def _due(
        self,
        connection: Connection,
        statement: sa.Select[Any] | sa.CompoundSelect[Any],
        now: datetime,
        plugins: Collection[str],
        asked: Mapping[str, Any],
    ) -> list[Lease]:
        rows = connection.execute(statement, {"now": now, "plugins": list(plugins), **asked}).mappings()
        return [Lease(**{**row, "fence": row["fence"] + 1, "attempts": row["attempts"] + 1}) for row in rows]

    def waits(self, connection: Connection, now: datetime, plugins: Collection[str], id_: UUID) -> bool:
        """Return whether the row *id_* is due, of *plugins*, and nobody's; clocks may differ by a few seconds."""
        asked = {"now": now + _SKEW, "plugins": list(plugins), "id": id_}
        return connection.execute(self.statements.waits, asked).scalar() is not None

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
        return connection.execute(self.statements.next_due, {"plugins": list(plugins)}).scalar()

    def reclaim(self, connection: Connection, now: datetime) -> int:
        """Take back what workers that gave no sign of life had, and return how much that was.

        Which of several rows was at fault nobody knows: none counts as tried, and each becomes suspect. What a worker
        was lost with alone counts.
        """
        given_up = {"now": now, "details": str(WorkerLostError())}
        dead = connection.execute(self.statements.give_up, given_up).rowcount
        return dead + connection.execute(self.statements.take_back, {"now": now}).rowcount

    def sweep(self, connection: Connection, before: datetime) -> int:
        """Forget some of the jobs that were done or cancelled *before* that moment, and return how many."""
        c = self.table.c
        old = sa.select(c.id).where(c.state.in_(["done", "cancelled"]), c.finished_at < before).limit(_SWEPT)
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
        """Mark the work as done. Of a delivery nothing is kept; a job that was woken meanwhile begins anew."""
        if lease.kind == "delivery":
            return self.finish_deliveries(connection, [lease]) == 1
        mine = {"id_": lease.id, "fence_": lease.fence, "now": now}
        return connection.execute(self.statements.finish, mine).rowcount == 1

    def finish_deliveries(self, connection: Connection, leases: Sequence[Lease]) -> int:
        """Mark deliveries as done and return how many of them still were their worker's."""
        rows = [self._delete.parameters({"_id": lease.id, "_fence": lease.fence}) for lease in leases]
        return self._delete.run_rows(connection, rows)

    def retry_later(self, connection: Connection, lease: Lease, run_at: datetime, error: str, details: str) -> bool:
        """Have the work tried again at *run_at*."""
        return self._change(connection, lease, state="ready", run_at=run_at, error=error, details=details, **IDLE)

    def park(self, connection: Connection, lease: Lease, now: datetime, error: str, details: str) -> bool:
        """Leave the work to an administrator."""
        return self._change(connection, lease, state="dead", finished_at=now, error=error, details=details, **IDLE)

    def give_back(self, connection: Connection, leases: Sequence[Lease]) -> None:
        """Let others do what was leased and not begun; it does not count as tried."""
        for lease in leases:
            self._change(connection, lease, state="ready", attempts=lease.attempts - 1, **IDLE)

    def _change(self, connection: Connection, lease: Lease, **values: Any) -> bool:
        change = self._changes.get(tuple(values))
        if change is None:
            columns = {name: sa.bindparam(f"_{name}", type_=self.table.c[name].type) for name in values}
            change = self._changes[tuple(values)] = sa.update(self.table).where(self._held).values(columns)
        given = {f"_{name}": value for name, value in values.items()}
        return connection.execute(change, {**given, "_id": lease.id, "_fence": lease.fence}).rowcount == 1
