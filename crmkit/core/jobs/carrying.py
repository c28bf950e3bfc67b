"""Carrying: who does work elsewhere is told which rows wait; the rows stay what counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

import attrs
from sqlalchemy.engine import Connection

from crmkit.core.jobs.circuits import Circuits
from crmkit.core.jobs.heartbeat import Heartbeat, owner_name
from crmkit.core.jobs.lease import LEASE, Waiting
from crmkit.core.jobs.upkeep import Upkeep
from crmkit.core.jobs.waking import keep_going

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["Carrier", "Sender"]

#: How many rows at most are on their way at once: a queue that is longer serves nobody, and hides what is urgent.
_ON_THE_WAY = 500
# How long the process that enqueued a job has to send it, before the sender does.
_GRACE = timedelta(seconds=5)
_LONGEST = timedelta(hours=1)


class Carrier(Protocol):
    """Tells workers that are somewhere else what waits for them."""

    def carry(self, ids: Sequence[UUID]) -> bool:
        """Send a message for each of *ids*, rows that are committed, and return whether that went well.

        It raises nothing: what was not sent, or was lost, is sent again by :class:`Sender`.
        """
        ...


@attrs.frozen
class _Sent:
    row: Waiting
    times: int
    again_at: datetime


class Sender:
    """Keeps the lease table as a worker does, and has what is due carried to workers instead of doing it.

    A row that nobody leases is sent again after a minute, then after two, and so on up to an hour.
    """

    def __init__(self, crm: CRM, carrier: Carrier) -> None:
        """Send by *carrier*; it begins with :meth:`step`.

        Raises:
            NotMigratedError, RevisionsMissingError, PluginParkedError: the database is not what the plugins need.
        """
        self._crm, self._carrier, self._upkeep = crm, carrier, Upkeep(crm)
        self._circuits = Circuits(crm.schema, crm.storage.dialect)
        self._plugins = self._upkeep.plugins
        self._sent: dict[UUID, _Sent] = {}

    def run(self, stop: Event) -> None:
        """Send what is due until *stop* is set."""
        with Heartbeat(self._crm, owner_name(), 0) as heart:
            keep_going(self._crm.storage, heart.beating(self.step), stop)

    def step(self) -> bool:
        """Go on with what there is, and return whether there was anything."""
        now, went_on = self._crm.clock.now(), 0
        with self._crm.storage.reading() as connection:
            outlook = self._upkeep.outlook(connection, now)
        if outlook.has_upkeep:
            with self._crm.storage.writing() as connection:
                went_on = self._upkeep.go_on(connection, now, outlook)
        with self._crm.storage.reading() as connection:
            # Whatever has just become a job here, nobody else has sent.
            found = self._waiting(connection, now, now if went_on else now - _GRACE)
        return self._send(found, now) or bool(went_on)

    def _waiting(self, connection: Connection, now: datetime, before: datetime) -> list[Waiting]:
        """Return what is due; of a plugin whose circuit is open one row, once it may be tried."""
        opened = [circuit for circuit in self._circuits.all(connection) if circuit.opened_at]
        free = self._plugins - {circuit.plugin for circuit in opened}
        jobs = self._crm.model.jobs
        found = jobs.waiting(connection, now, before, free, _ON_THE_WAY)
        for circuit in opened:
            if circuit.plugin in self._plugins and circuit.retry_at is not None and circuit.retry_at <= now:
                found += jobs.waiting(connection, now, before, [circuit.plugin], 1)
        return found

    def _send(self, found: Sequence[Waiting], now: datetime) -> bool:
        """Send those of *found* that are not on their way, and return whether there were any."""
        known = {row.id: sent for row in found if (sent := self._sent.get(row.id)) and sent.row == row}
        new = [row for row in found if row.id not in known or known[row.id].again_at <= now]
        went_well = bool(new) and self._carrier.carry([row.id for row in new])
        for row in new if went_well else ():
            times = known[row.id].times + 1 if row.id in known else 0
            known[row.id] = _Sent(row, times, now + min(LEASE * (1 << min(times, 10)), _LONGEST))
        self._sent = known
        return went_well
