"""Heartbeats: each worker says now and then that it is at work, so that others can tell when none is."""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.errors import CrmkitError
from crmkit.core.storage.schema import Schema

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["ALIVE", "Heartbeat", "WorkerSeen", "owner_name", "workers_seen"]

_log = logging.getLogger(__name__)
_EVERY = 15.0
#: For how long a worker counts as being at work after it was seen.
ALIVE = timedelta(minutes=1)
_FORGOTTEN = timedelta(days=1)


@attrs.frozen
class WorkerSeen:
    """A worker with so many *threads*, at work since *started_at* and seen last at *seen_at*."""

    owner: str
    threads: int
    started_at: datetime
    seen_at: datetime


def owner_name() -> str:
    """Return a name for a worker of this process that no other worker has."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"


def workers_seen(connection: Connection, schema: Schema, since: datetime) -> list[WorkerSeen]:
    """Return the workers that were seen after *since*, the one seen last first."""
    c = schema.system.worker.c
    rows = sa.select(c.owner, c.threads, c.started_at, c.seen_at).where(c.seen_at > since)
    return [WorkerSeen(*row) for row in connection.execute(rows.order_by(c.seen_at.desc(), c.owner))]


class Heartbeat:
    """That of the worker *owner* with so many *threads*, for as long as the block lasts."""

    def __init__(self, crm: CRM, owner: str, threads: int) -> None:
        """Say nothing before the block begins."""
        self._crm, self._owner, self._threads = crm, owner, threads
        self._table = crm.schema.system.worker
        self._mine = self._table.c.owner == owner
        self._next = 0.0

    def __enter__(self) -> Heartbeat:
        self._write(self._begin)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._write(lambda connection, _now: connection.execute(sa.delete(self._table).where(self._mine)))

    def beating(self, step: Callable[[], bool]) -> Callable[[], bool]:
        """Return *step* with a heartbeat before it whenever one is due; time is real, whatever the CRM's clock says."""

        def beat_and_step() -> bool:
            if monotonic() >= self._next:
                self._write(self._beat)
            return step()

        return beat_and_step

    def _begin(self, connection: Connection, now: datetime) -> None:
        connection.execute(sa.delete(self._table).where(self._table.c.seen_at < now - _FORGOTTEN))
        mine = {"owner": self._owner, "threads": self._threads, "started_at": now, "seen_at": now}
        connection.execute(sa.insert(self._table).values(mine))

    def _beat(self, connection: Connection, now: datetime) -> None:
        if not connection.execute(sa.update(self._table).where(self._mine).values(seen_at=now)).rowcount:
            # The clock was put forward, and another worker has forgotten this one.
            self._begin(connection, now)

    def _write(self, statement: Callable[[Connection, datetime], object]) -> None:
        """Run *statement*; a worker that cannot say that it is at work goes on with it."""
        self._next = monotonic() + _EVERY
        try:
            with self._crm.storage.writing() as connection:
                statement(connection, self._crm.clock.now())
        except (CrmkitError, sa.exc.DBAPIError) as error:
            _log.warning("the heartbeat of a worker could not be written", exc_info=error)
