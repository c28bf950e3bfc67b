"""Writes that are done to see what comes of them, and undone: in one transaction, as if they were many."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import Connection

from crmkit.core.model import Model
from crmkit.core.policy.people import ACCESS_ENTITIES
from crmkit.core.policy.principal import Principal
from crmkit.core.storage.held import Held
from crmkit.core.storage.numbers import use_up_no_numbers
from crmkit.core.writing.writer import Writer

__all__ = ["DryRun"]


class DryRun:
    """Writers for one principal, each of which sees what those before it wrote, as if that had been kept.

    Nothing goes to the ledger: in PostgreSQL everybody else who writes would wait for it until the end.
    """

    def __init__(self, model: Model, connection: Connection, principal: Principal, cause: str) -> None:
        """Write in the transaction of *connection*, which whoever opened it must roll back."""
        self._model, self._connection, self._principal, self._cause = model, connection, principal, cause
        # The CRM's own cache must never hold what is not committed.
        self._accesses = model.fresh_accesses(model.registry)
        numbered = (info.id for info in model.registry.entities.values() if info.number is not None)
        use_up_no_numbers(connection, numbered)

    @contextmanager
    def write(self) -> Iterator[Writer]:
        """Give a writer as :meth:`CRM.write` does.

        Raises:
            InactiveUserError: the user is gone or inactive.
            WriterBrokenError: a write failed half-way and its error was swallowed.
        """
        access = self._accesses.resolve(self._connection, self._principal)
        held = Held(self._connection, writes=True)
        writer = Writer(self._model, held, access, self._cause, None)
        with held.whole():
            yield writer
            touched = writer.leave()
        if touched & ACCESS_ENTITIES:
            self._accesses = self._model.fresh_accesses(self._model.registry)
