"""The worker: tells events, leases what is due, has threads do it, and writes down what came of it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from random import Random
from threading import Event
from traceback import format_exception
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec
from sqlalchemy.engine import Connection

from crmkit.core.errors import CrmkitError
from crmkit.core.jobs.circuits import Circuit, Circuits
from crmkit.core.jobs.errors import LeaseLostError, LoopError
from crmkit.core.jobs.heartbeat import Heartbeat, owner_name
from crmkit.core.jobs.lease import LEASE, Lease
from crmkit.core.jobs.limits import AUTOMATIONS
from crmkit.core.jobs.outlook import Outlook
from crmkit.core.jobs.retrying import backoff
from crmkit.core.jobs.threads import Task, Threads
from crmkit.core.jobs.upkeep import Upkeep
from crmkit.core.jobs.waking import keep_going
from crmkit.core.jobs.work import task_of

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["Worker"]

_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())
# How much a worker takes at once for each of its threads.
_AHEAD = 16
# For how many seconds a worker waits for threads before it looks for further work.
_LOOK = 0.2
_LONGEST_DETAILS = 8000


class Worker:
    """Does the work of one CRM, beside as many others as there are on the same database.

    Time is that of the CRM's clock; only the limit of a handler's own running time is real.
    """

    def __init__(self, crm: CRM, *, threads: int = 4, chance: Random | None = None) -> None:
        """Make a worker with *threads* threads; it begins with :meth:`step`.

        Raises:
            NotMigratedError, RevisionsMissingError, PluginParkedError: the database is not what the plugins need.
        """
        self.crm, self.owner = crm, owner_name()
        self._threads, self._chance = Threads(threads), chance or Random()
        self._upkeep = Upkeep(crm)
        self._circuits = Circuits(crm.schema, crm.storage.dialect)
        self._plugins = self._upkeep.plugins
        self._ended: list[Task] = []
        self._stopping = Event()
        self._extended_at: datetime | None = None

    def run_until_idle(self) -> None:
        """Do everything that is due, and what comes of it, until nothing is due any more."""
        while self.step(wait=_LOOK):
            pass

    def run(self, stop: Event) -> None:
        """Do what is due until *stop* is set, then finish what has been begun and give back the rest.

        What goes wrong with the database is logged and tried again.
        """
        with Heartbeat(self.crm, self.owner, self._threads.number) as heart:
            keep_going(self.crm.storage, heart.beating(partial(self.step, wait=_LOOK)), stop)
            self.close()

    def step(self, *, wait: float = 0) -> bool:
        """Go on with what there is, and return whether there was anything; wait *wait* seconds for what runs.

        What came of the work that has ended is written down in the transaction that takes further work.
        """
        self._ended += self._threads.over(wait)
        now = self.crm.clock.now()
        self._keep_leases(now)
        with self.crm.storage.reading() as connection:
            # Without locking anything, so that an idle worker is in nobody's way.
            outlook = self._upkeep.outlook(connection, now)
        return self._go_on(now, outlook) or bool(self._threads.busy)

    def _go_on(self, now: datetime, outlook: Outlook) -> bool:
        is_wanted = outlook.is_due and self._room > 0
        if not (self._ended or outlook.has_upkeep or is_wanted):
            return False
        with self.crm.storage.writing() as connection:
            has_failures = self._write_down(connection, self._ended, outlook.has_failures)
            went_on = self._upkeep.go_on(connection, now, outlook)
            circuits = self._circuits.all(connection) if has_failures else []
            leases = self._lease(connection, now, outlook, circuits) if is_wanted or went_on else []
            self._catch_up(connection, leases)
        ended, self._ended = self._ended, []
        for lease in leases:
            self._start(lease)
        return bool(ended or went_on or leases)

    def do(self, id_: UUID) -> bool:
        """Do the work *id_*, and return whether this worker had to: it was due, and nobody else had it."""
        now = self.crm.clock.now()
        with self.crm.storage.reading() as connection:
            # Without locking anything: messages are often doubled.
            if not self.crm.model.jobs.waits(connection, now, self._plugins, id_):
                return False
        with self.crm.storage.writing() as connection:
            leases = self._lease_one(connection, now, id_)
            self._catch_up(connection, leases)
        for lease in leases:
            self._start(lease)
        self._finish_all()
        return bool(leases)

    def _lease_one(self, connection: Connection, now: datetime, id_: UUID) -> list[Lease]:
        """Take the work *id_*; while the circuit of its plugin is open, only if it may be tried."""
        jobs = self.crm.model.jobs
        opened = [circuit for circuit in self._circuits.all(connection) if circuit.opened_at]
        allowed = self._plugins - {circuit.plugin for circuit in opened}
        for circuit in opened:
            is_its = jobs.waits(connection, now, self._plugins & {circuit.plugin}, id_)
            if is_its and self._circuits.probe(connection, circuit, now):
                allowed |= {circuit.plugin}
        return jobs.lease_one(connection, self.owner, now, allowed, id_)

    def _catch_up(self, connection: Connection, leases: Sequence[Lease]) -> None:
        if any(lease.plugin == AUTOMATIONS for lease in leases):
            # Another worker may have told of one that this one has not heard of.
            self.crm.refresh(connection)

    def next_due(self) -> datetime | None:
        """Return when there is something to do by the clock; ``None`` if never, as far as is known."""
        with self.crm.storage.reading() as connection:
            times = (self.crm.model.jobs.next_due(connection, self._plugins), self._upkeep.next_due(connection))
        return min((moment for moment in times if moment is not None), default=None)

    def circuits(self, connection: Connection) -> list[Circuit]:
        """Return the circuits of the plugins that have failed since they last succeeded."""
        return self._circuits.all(connection)

    @property
    def _room(self) -> int:
        """How much to take: nothing before half of what was taken is done, so that it is worth a transaction."""
        most, busy = self._threads.number * _AHEAD, self._threads.shared
        return most - busy if busy <= most // 2 else 0

    def _keep_leases(self, now: datetime) -> None:
        if self._threads.busy and (self._extended_at is None or now - self._extended_at >= LEASE / 3):
            with self.crm.storage.writing() as connection:
                ids = [lease.id for lease in self._threads.leases]
                self.crm.model.jobs.extend(connection, self.owner, ids, now)
            self._extended_at = now

    def _lease(
        self, connection: Connection, now: datetime, outlook: Outlook, circuits: Sequence[Circuit]
    ) -> list[Lease]:
        """Take what is due; of a plugin whose circuit is open, one piece of work now and then."""
        opened = [circuit for circuit in circuits if circuit.opened_at]
        free = self._plugins - {circuit.plugin for circuit in opened}
        lease = partial(self.crm.model.jobs.lease, connection, self.owner, now)
        is_suspect = outlook.is_suspect or outlook.is_lost
        found = lease(free, 1, suspect=True) if is_suspect and not self._threads.shared else []
        found = found or lease(free, self._room)
        for circuit in opened:
            if circuit.plugin in self._plugins and self._circuits.probe(connection, circuit, now):
                found += lease([circuit.plugin], 1) or lease([circuit.plugin], 1, suspect=True)
        return found

    def _start(self, lease: Lease) -> None:
        try:
            self._threads.submit(task_of(self.crm, lease, self._stopping))
        except (CrmkitError, msgspec.ValidationError) as error:
            with self.crm.storage.writing() as connection:
                self._fail(connection, lease, error, is_final=True)

    def _write_down(self, connection: Connection, tasks: Sequence[Task], has_failures: bool = True) -> bool:
        """Write what came of *tasks*, and return whether a plugin has failed since it last succeeded, if any had."""
        jobs, now = self.crm.model.jobs, self.crm.clock.now()
        done = [task.lease for task in tasks if task.error is None and not task.context.is_finished]
        jobs.finish_deliveries(connection, [lease for lease in done if lease.kind == "delivery"])
        for lease in done:
            if lease.kind != "delivery":
                jobs.finish(connection, lease, now)
        succeeded = {task.lease.plugin for task in tasks if task.error is None}
        if has_failures and succeeded:
            self._circuits.succeeded(connection, succeeded)
        failed = [(task.lease, task.error) for task in tasks if task.error is not None]
        for lease, error in failed:
            self._fail(connection, lease, error, is_final=isinstance(error, LoopError))
        return has_failures or bool(failed)

    def _fail(self, connection: Connection, lease: Lease, error: BaseException, *, is_final: bool) -> None:
        """Have the work tried again later, or park it if that cannot help or was done often enough."""
        if isinstance(error, LeaseLostError):
            return
        now, name = self.crm.clock.now(), error.code if isinstance(error, CrmkitError) else type(error).__name__
        _log.error("%s failed, try %d of %d", lease.name, lease.attempts, lease.tries, exc_info=error)
        details = _storable("".join(format_exception(error)))
        if is_final or lease.attempts >= lease.tries:
            is_counted = self.crm.model.jobs.park(connection, lease, now, name[:100], details)
        else:
            run_at = now + backoff(lease.attempts, self._chance)
            is_counted = self.crm.model.jobs.retry_later(connection, lease, run_at, name[:100], details)
        # Automations are nobody's code: one that fails again and again is switched off alone.
        if is_counted and lease.plugin != AUTOMATIONS:
            self._circuits.failed(connection, lease.plugin, lease.id, name[:100], now)

    def close(self) -> None:
        """Give back what nobody has begun, and wait for what has been, no longer than its time limits."""
        self._stopping.set()
        withdrawn = [task.lease for task in self._threads.withdraw()]
        if withdrawn:
            with self.crm.storage.writing() as connection:
                self.crm.model.jobs.give_back(connection, withdrawn)
        self._finish_all()
        self._threads.close()

    def _finish_all(self) -> None:
        while self._threads.busy or self._ended:
            self._keep_leases(self.crm.clock.now())
            self._ended += self._threads.over(_LOOK)
            if self._ended:
                with self.crm.storage.writing() as connection:
                    self._write_down(connection, self._ended)
                self._ended = []


def _storable(text: str) -> str:
    """Return the end of *text*, which says most, without what PostgreSQL cannot keep."""
    return text[-_LONGEST_DETAILS:].replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
