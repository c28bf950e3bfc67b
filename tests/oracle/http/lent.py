"""A CRM all of whose transactions are one that is open already."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import attrs

from crmkit import CRM, Principal
from crmkit.core.configuration.config import Server
from crmkit.rest.identities import Identity

__all__ = ["Lent"]


class Lent:
    """A CRM that reads and writes through one reader or writer only, and for whom that is."""

    def __init__(self, crm: CRM) -> None:
        self._crm, self.db = crm, None
        self.storage = _LentStorage(self)
        self.config = attrs.evolve(crm.config, server=Server(requests_per_minute=0))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._crm, name)

    @property
    def real_storage(self) -> Any:
        """The database, for what needs no transaction."""
        return self._crm.storage

    def identify(self, _call: Any) -> Identity:
        access = self.open.access
        return Identity(Principal(access.user_id, access.name))

    @property
    def open(self) -> Any:
        """The reader or writer that is lent now."""
        assert self.db is not None, "asked outside a transaction"
        return self.db

    @contextmanager
    def read(self, principal: Principal) -> Iterator[Any]:
        self._check(principal.user_id)
        yield self.open

    @contextmanager
    def write(self, principal: Principal, **_why: Any) -> Iterator[Any]:
        self._check(principal.user_id)
        # What a transaction of its own would take back.
        with self.open.attempt():
            yield self.open

    @contextmanager
    def dry_run(self, principal: Principal, **_why: Any) -> Iterator[Any]:
        try:
            with self.open.attempt():
                yield SimpleNamespace(write=lambda: self.write(principal))
                raise _UndoneError
        except _UndoneError:
            pass

    def _check(self, user: UUID | None) -> None:
        assert user == self.open.access.user_id, "asked for somebody else"


class _UndoneError(Exception):
    """Ends what is tried."""


class _LentStorage:
    """The database of *lent*, on the connection of its transaction."""

    def __init__(self, lent: Lent) -> None:
        self._lent = lent

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lent.real_storage, name)

    @contextmanager
    def reading(self) -> Iterator[Any]:
        yield self._lent.open._connection

    writing = reading
