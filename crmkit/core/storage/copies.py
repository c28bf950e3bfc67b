"""A copy of a SQLite database that nobody else sees: what is written to it is gone with its only connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from sqlalchemy.engine import Connection

__all__ = ["private_copy"]


@contextmanager
def private_copy(source: Connection) -> Iterator[sqlite3.Connection]:
    """Give the driver's connection to a copy of what *source* sees.

    It lies in a file of SQLite's own, without a name, so that nothing is left of it even where the process is killed.
    Who writes to the database meanwhile does not wait.
    """
    driver: Any = source.connection.driver_connection
    # The empty name is SQLite's own temporary file, written to only when its cache is full.
    with closing(sqlite3.connect("", check_same_thread=False, isolation_level=None, cached_statements=512)) as copy:
        driver.backup(copy)
        yield copy
