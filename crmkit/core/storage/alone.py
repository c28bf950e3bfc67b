"""Work that must not be done twice at once on one database: a claim that dies with its process."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import sqlalchemy as sa

from crmkit.core.errors import DatabaseUnreachableError
from crmkit.core.storage.engines import Storage

__all__ = ["alone", "file_lock"]


@contextmanager
def alone(storage: Storage, work: str) -> Iterator[bool]:
    """Give whether nobody else does *work* on this database; if so, nobody else will before the block ends.

    A row that says so would outlive a process that is killed; these are locks of the server and of the operating
    system. A database in memory is nobody else's.
    """
    if storage.is_sqlite:
        with storage.reading() as connection:
            file = connection.exec_driver_sql("PRAGMA database_list").first()
        with file_lock(f"{file[2]}-lock-{_digest(work)}") if file and file[2] else _nobody_else() as first:
            yield first
    else:
        with _server_lock(storage, work) as first:
            yield first


def _digest(work: str) -> str:
    return hashlib.sha256(work.encode()).hexdigest()[:12]


@contextmanager
def _nobody_else() -> Iterator[bool]:
    yield True


@contextmanager
def file_lock(path: str) -> Iterator[bool]:
    """Give whether nobody else holds the lock that is the file *path*; it is gone after the block."""
    file = _locked(path)
    if file is None:
        yield False
        return
    try:
        yield True
    finally:
        os.unlink(path)
        os.close(file)


def _locked(path: str) -> int | None:
    """Return *path* opened and locked; ``None`` if somebody else holds it."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return None
        # Its last holder may have removed it between our opening and our locking it.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file), os.stat(path)):
                return file
        os.close(file)


@contextmanager
def _server_lock(storage: Storage, work: str) -> Iterator[bool]:
    key = sa.func.hashtextextended(f"crmkit:{work}", 0)
    with storage.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        first = bool(connection.scalar(sa.select(sa.func.pg_try_advisory_lock(key))))
        try:
            yield first
        finally:
            # With the connection the lock would be gone as well.
            with suppress(sa.exc.DBAPIError, DatabaseUnreachableError):
                connection.scalar(sa.select(sa.func.pg_advisory_unlock(key)))
