"""What a handler gets beside its event or its arguments: doors to the CRM, and its lease."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import Event
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs

from crmkit.core.jobs.chain import chain_of
from crmkit.core.jobs.errors import LeaseLostError, LoopError
from crmkit.core.jobs.job import Job
from crmkit.core.jobs.lease import Lease
from crmkit.core.jobs.limits import DEEPEST
from crmkit.core.policy.principal import Principal

if TYPE_CHECKING:
    from crmkit.core.configuration.config import Company, Keeping
    from crmkit.core.content.store import ContentStore
    from crmkit.core.crm import CRM
    from crmkit.core.network.guard import NetworkGuard
    from crmkit.core.reading.reader import Reader
    from crmkit.core.writing.writer import Writer

__all__ = ["WorkContext"]


class WorkContext:
    """What a handler may do. Its writes say in the ledger what caused them, and count only while it has its lease.

    Work is done at least once: after a crash it is begun anew. What :meth:`finish` writes is written exactly once; for
    effects outside the database :attr:`id` is the same at every try.
    """

    def __init__(self, crm: CRM, lease: Lease, cause: str, stopping: Event | None = None) -> None:
        """Made by the worker, which sets *stopping* when it is to end."""
        self._crm, self._lease, self._cause = crm, lease, cause
        self._stopping = stopping or Event()
        self.is_finished = False

    @property
    def id(self) -> UUID:
        """What tells this work from all other work, the same at every try."""
        return self._lease.id

    @property
    def name(self) -> str:
        """The id of the subscriber or job."""
        return self._lease.name

    @property
    def attempt(self) -> int:
        """Which try this is; the first is 1."""
        return self._lease.attempts

    @property
    def cause(self) -> str:
        """What the ledger says of its writes."""
        return self._cause

    @property
    def depth(self) -> int:
        """How many steps have caused each other before this one."""
        return self._lease.depth

    @property
    def now(self) -> datetime:
        """The present moment."""
        return self._crm.clock.now()

    @property
    def is_stopping(self) -> bool:
        """Whether the worker is to end: what could go on for long comes to an end then, and is done further later."""
        return self._stopping.is_set()

    @property
    def keep(self) -> Keeping:
        """For how long what is done is kept."""
        return self._crm.config.keep

    @property
    def company(self) -> Company:
        """Whose CRM it is."""
        return self._crm.config.company

    @property
    def network(self) -> NetworkGuard:
        """The guard that says where a request may go."""
        return self._crm.model.network

    @property
    def principal(self) -> Principal:
        """The user whose write or call caused this work; the system where nobody did.

        A job has the scopes of who enqueued it; an event happened, whatever the scopes of who made it happen.

        Raises:
            NotFoundError: the user is gone or inactive.
        """
        return attrs.evolve(self.acting(self._lease.principal_id), scopes=self._lease.scopes)

    @property
    def crm(self) -> CRM:
        """The CRM, for what opens readers and writers of its own, such as an import."""
        return self._crm

    @property
    def contents(self) -> ContentStore:
        """What is inside files."""
        return self._crm.contents

    @property
    def _system(self) -> Principal:
        return Principal(None, "system", self.name)

    @contextmanager
    def read(self, principal: Principal | None = None) -> Iterator[Reader]:
        """Give a reader of everything, or of what *principal* may read."""
        with self._crm.read(principal or self._system) as reader:
            yield reader

    @contextmanager
    def write(self, principal: Principal | None = None) -> Iterator[Writer]:
        """Give a writer without limits, or one for *principal*; it commits when the block ends.

        Raises:
            LoopError: too many steps have caused each other.
            LeaseLostError: the work was cancelled or is somebody else's meanwhile; nothing was written.
        """
        with self._writing(principal) as writer:
            yield writer
            self._hold(writer)

    @contextmanager
    def finish(self, principal: Principal | None = None) -> Iterator[Writer]:
        """Give a writer as :meth:`write` does, whose commit also marks the work as done: this happens exactly once.

        Nothing may be written after it.
        """
        with self._writing(principal) as writer:
            yield writer
            if not self._crm.model.jobs.finish(writer.connection, self._lease, self.now):
                raise LeaseLostError(self.name)
        self.is_finished = True

    def acting(self, user: UUID | None) -> Principal:
        """Return the principal of *user*, or the system's, for work that acts as somebody who did not cause it.

        Raises:
            NotFoundError: the user is gone or inactive.
        """
        return self._system if user is None else self._crm.principal(user)

    @contextmanager
    def aside(self) -> Iterator[Writer]:
        """Give a writer without limits that asks neither for the lease nor for the depth: to keep what went wrong."""
        with self._crm.write(self._system, cause=self.cause, depth=self.depth) as writer:
            yield writer

    @contextmanager
    def _writing(self, principal: Principal | None) -> Iterator[Writer]:
        if self.is_finished:
            raise LeaseLostError(self.name)
        if self.depth > DEEPEST:
            with self._crm.storage.reading() as connection:
                raise LoopError(chain_of(connection, self._crm.schema, self.cause))
        with self._crm.write(principal or self._system, cause=self.cause, depth=self.depth) as writer:
            yield writer

    def _hold(self, writer: Writer, **values: Any) -> None:
        # Last in the transaction: the row is locked no longer than the commit takes.
        if not self._crm.model.jobs.hold(writer.connection, self._lease, self.now, **values):
            raise LeaseLostError(self.name)

    def enqueue(
        self, job: Job | str, arguments: Any = None, *, key: str | None = None, run_at: datetime | None = None
    ) -> UUID:
        """Enqueue *job* in a transaction of its own; see :meth:`Writer.enqueue`."""
        with self.write() as writer:
            return writer.enqueue(job, arguments, key=key, run_at=run_at)

    def progress(self, done: int, total: int | None = None, note: str = "") -> None:
        """Show how far the work has come, *done* of *total*. It is a sign of life as well.

        Raises:
            LeaseLostError: the work was cancelled or is somebody else's meanwhile.
        """
        self._sign_of_life(progress={"done": done, "total": total, "note": note})

    def heartbeat(self) -> None:
        """Give a sign of life, and learn whether the work is still wanted.

        Raises:
            LeaseLostError: the work was cancelled or is somebody else's meanwhile.
        """
        self._sign_of_life()

    def _sign_of_life(self, **values: Any) -> None:
        with self._crm.storage.writing() as connection:
            if not self._crm.model.jobs.hold(connection, self._lease, self.now, **values):
                raise LeaseLostError(self.name)
