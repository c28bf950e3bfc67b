"""A circuit for each plugin: after five failures in a row nothing of it runs for a while, then one probe at a time."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import attrs
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from crmkit.core.storage.schema import Schema

__all__ = ["Circuit", "Circuits"]

_log = logging.getLogger(__name__)
_FAILURES = 5
_REST = timedelta(minutes=1)


@attrs.frozen
class Circuit:
    """The state of one plugin: how many failures in a row, and since when its circuit is open, if it is."""

    plugin: str
    failures: int
    opened_at: datetime | None
    retry_at: datetime | None
    error: str | None


class Circuits:
    """The circuits of one CRM; all workers share them through the database."""

    def __init__(self, schema: Schema, dialect: sa.Dialect) -> None:
        """Prepare the statements."""
        self._table = schema.system.circuit
        self._insert = (postgresql.insert if dialect.name == "postgresql" else sqlite.insert)(self._table)

    def all(self, connection: Connection) -> list[Circuit]:
        """Return the circuits of the plugins that have failed since they last succeeded."""
        c = self._table.c
        columns = (c.plugin, c.failures, c.opened_at, c.retry_at, c.error)
        rows = connection.execute(sa.select(*columns).order_by(c.plugin))
        return [Circuit(*row) for row in rows]

    def probe(self, connection: Connection, circuit: Circuit, now: datetime) -> bool:
        """Return whether the caller may now try one piece of work of a plugin whose circuit is open."""
        if circuit.retry_at is None or circuit.retry_at > now:
            return False
        c = self._table.c
        mine = sa.update(self._table).where(c.plugin == circuit.plugin, c.retry_at == circuit.retry_at)
        return connection.execute(mine.values(retry_at=now + _REST)).rowcount == 1

    def failed(self, connection: Connection, plugin: str, job: UUID, error: str, now: datetime) -> None:
        """Count a failure. Work that fails again and again counts once: it may be at fault itself."""
        c = self._table.c
        first = self._insert.values(plugin=plugin, failures=1, last_job=job, error=error)
        again = {"failures": c.failures + sa.case((c.last_job == job, 0), else_=1), "last_job": job, "error": error}
        counted = first.on_conflict_do_update(index_elements=[c.plugin], set_=again)
        failures = connection.execute(counted.returning(c.failures)).scalar_one()
        if failures >= _FAILURES:
            opened = sa.update(self._table).where(c.plugin == plugin)
            since = sa.func.coalesce(c.opened_at, sa.bindparam("now", now, c.opened_at.type))
            connection.execute(opened.values(opened_at=since, retry_at=now + _REST))
            _log.error("%s failed %d times in a row (%s); nothing of it runs for a while", plugin, failures, error)

    def succeeded(self, connection: Connection, plugins: Iterable[str]) -> None:
        """Close the circuits of *plugins*."""
        connection.execute(sa.delete(self._table).where(self._table.c.plugin.in_(list(plugins))))
