"""A driver whose Nth call to the database fails, before or after it was done."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import sqlalchemy as sa

from crmkit import CRM


class Countdown:
    """Lets *calls* calls through; the next one fails, as the driver would say it."""

    def __init__(self, calls: int, when: str) -> None:
        self.calls, self.when, self.fired = calls, when, False

    def around(self, connection: Any, call: Any) -> Any:
        self.calls -= 1
        due = self.calls == -1
        if due and self.when == "before":
            self.fired = True
            fail(connection)
        answer = call()
        if due and self.when == "after":
            self.fired = True
            fail(connection)
        return answer


def fail(connection: Any) -> None:
    """Fail as a broken disk does to SQLite, and as a lost connection to PostgreSQL."""
    if isinstance(connection, sqlite3.Connection):
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR
        raise error
    connection.pgconn.finish()
    raise psycopg.OperationalError("the connection is lost")


def of_sqlite(countdown: Countdown) -> Any:
    class Cursor(sqlite3.Cursor):
        def execute(self, *arguments: Any) -> Any:
            return countdown.around(self.connection, lambda: super(Cursor, self).execute(*arguments))

        def executemany(self, *arguments: Any) -> Any:
            return countdown.around(self.connection, lambda: super(Cursor, self).executemany(*arguments))

    class Connection(sqlite3.Connection):
        def cursor(self, _factory: Any = None) -> Any:
            return super().cursor(Cursor)

        def commit(self) -> None:
            countdown.around(self, super().commit)

    return Connection


def of_psycopg(countdown: Countdown) -> Any:
    class Cursor(psycopg.Cursor):
        def execute(self, *arguments: Any, **named: Any) -> Any:
            return countdown.around(self.connection, lambda: super(Cursor, self).execute(*arguments, **named))

        def executemany(self, *arguments: Any, **named: Any) -> Any:
            return countdown.around(self.connection, lambda: super(Cursor, self).executemany(*arguments, **named))

    class Connection(psycopg.Connection):
        def commit(self) -> None:
            countdown.around(self, super().commit)

    return Connection, Cursor


@contextmanager
def failing(crm: CRM, calls: int, when: str) -> Iterator[Countdown]:
    """Have the call after *calls* others fail, on connections made inside the block."""
    countdown = Countdown(calls, when)

    def connect(_dialect: Any, _record: Any, arguments: Any, named: Any) -> Any:
        if crm.storage.is_sqlite:
            return sqlite3.connect(*arguments, **{**named, "factory": of_sqlite(countdown)})
        connection, cursor = of_psycopg(countdown)
        return connection.connect(*arguments, **{**named, "cursor_factory": cursor})

    crm.storage.dispose()
    sa.event.listen(crm.storage.engine, "do_connect", connect)
    try:
        yield countdown
    finally:
        sa.event.remove(crm.storage.engine, "do_connect", connect)
        crm.storage.dispose()
