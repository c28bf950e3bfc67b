"""Going on with work, and waiting until there may be some: somebody committed, or something may have come due."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from time import monotonic
from typing import Any, Protocol

import sqlalchemy as sa

from crmkit.core.errors import DatabaseFullError, DatabaseUnreachableError, TryAgainError
from crmkit.core.storage.engines import Storage

__all__ = ["Waker", "keep_going", "waker"]

_log = logging.getLogger(__name__)
_LOOK = 0.2
_LONGEST = 1.0
# What is wrong with a database today and need not be tomorrow.
_PASSING = (TryAgainError, DatabaseFullError, DatabaseUnreachableError)


class Waker(Protocol):
    """Waits, on one connection or none."""

    def wait(self, stop: Event) -> None:
        """Return as soon as there may be work, or *stop* is set."""
        ...


def keep_going(storage: Storage, step: Callable[[], bool], stop: Event) -> None:
    """Call *step* until *stop* is set, and wait for commits on *storage* whenever it says that there was nothing to do.

    What goes wrong with the database is logged and tried again.
    """
    with waker(storage) as sleeper:
        while not stop.is_set():
            try:
                went_on = step()
            except (*_PASSING, sa.exc.DBAPIError) as error:
                _log.warning("the worker could not go on, and tries again", exc_info=error)
                went_on = False
            if not went_on:
                sleeper.wait(stop)


@contextmanager
def waker(storage: Storage) -> Iterator[Waker]:
    """Give what waits for commits on *storage*, in this process and in others."""
    if storage.is_sqlite:
        with storage.engine.connect() as connection:
            yield _DataVersion(connection.connection.driver_connection)
    else:
        yield _Poll()


class _DataVersion:
    """SQLite counts the commits of others; asking five times a second costs next to nothing."""

    def __init__(self, driver: Any) -> None:
        """Ask through the connection *driver*, which nobody else uses."""
        self._driver = driver
        self._seen: int | None = None

    def wait(self, stop: Event) -> None:
        end = monotonic() + _LONGEST
        while not stop.wait(_LOOK) and monotonic() < end:
            (version,) = self._driver.execute("PRAGMA data_version").fetchone()
            if version != self._seen:
                self._seen = version
                return


class _Poll:
    """Look again soon: for drivers that cannot wait for what PostgreSQL notifies."""

    def wait(self, stop: Event) -> None:
        stop.wait(_LOOK)
