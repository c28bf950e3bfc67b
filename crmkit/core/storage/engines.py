"""Opening a database: SQLite in WAL mode or PostgreSQL, with the transactions that readers and writers need."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.pool import QueuePool, StaticPool

from crmkit.core.errors import ConfigurationError
from crmkit.core.storage.copies import private_copy
from crmkit.core.storage.held import watch_transactions
from crmkit.core.storage.search_index import search_level
from crmkit.core.storage.troubles import name_troubles
from crmkit.core.text import casefold, gettext as _

__all__ = ["Storage"]

_WRITES = "crmkit_writes"
_BUSY_SECONDS = 30
_SQLITE_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "cache_size = -65536",
    "mmap_size = 268435456",
)


class Storage:
    """One database: readers get snapshots that no writer blocks; writers queue on SQLite, lock rows on PostgreSQL."""

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        """Open *url*; nothing connects before the first use.

        Raises:
            ConfigurationError: the URL names a database that crmkit does not support, or its driver is missing.
        """
        self.url = make_url(url)
        self.engine = self._open(pool_size)
        name_troubles(self.engine)
        self.dialect = self.engine.dialect
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._readers = self.engine if self.is_sqlite else self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._writers = self.engine.execution_options(**{_WRITES: True})
        # Readers have nothing to end, and pay for nothing.
        watch_transactions(self._writers)

    def _open(self, pool_size: int) -> Engine:
        backend = self.url.get_backend_name()
        if backend == "sqlite":
            return _open_sqlite(self.url, pool_size)
        if backend == "postgresql":
            return _open_postgresql(self.url, pool_size)
        raise ConfigurationError(
            "database.url", _("{backend!r} is not supported; use sqlite or postgresql"), backend=backend
        )

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection for reading: a snapshot on SQLite, autocommit (one round trip each) on PostgreSQL."""
        with self._readers.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Give a connection that sees the database as it is at its first query, whatever is written meanwhile."""
        if self.is_sqlite:
            with self.reading() as connection:
                yield connection
            return
        isolated = self.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with isolated.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection inside a write transaction; it commits at the end and rolls back on any error.

        Raises:
            TryAgainError: another transaction was in the way.
        """
        with self._writers.begin() as connection:
            yield connection

    @contextmanager
    def trying(self) -> Iterator[Connection]:
        """Give a connection inside a write transaction that is rolled back at the end.

        Raises:
            TryAgainError: another transaction was in the way.
        """
        with self._writers.connect() as connection:
            transaction = connection.begin()
            try:
                yield connection
            finally:
                transaction.rollback()

    @contextmanager
    def dry(self) -> Iterator[Connection]:
        """Give a connection inside a write transaction of which nothing is kept, and that few wait for.

        On SQLite it is that of a private copy, so that nobody waits for its end. On PostgreSQL whoever writes the same
        rows does.

        Raises:
            TryAgainError: another transaction was in the way.
        """
        if not self.is_sqlite:
            with self.trying() as connection:
                yield connection
            return
        with ExitStack() as stack:
            with self.reading() as source:
                copy = stack.enter_context(private_copy(source))
            engine = _listening(_engine(self.url.set(database=""), creator=lambda: copy, poolclass=StaticPool))
            name_troubles(engine)
            writers = engine.execution_options(**{_WRITES: True})
            watch_transactions(writers)
            with writers.connect() as connection:
                connection.begin()
                yield connection

    @contextmanager
    def altering(self) -> Iterator[Connection]:
        """Give a connection inside a write transaction that may rebuild tables.

        SQLite rebuilds a table by dropping it, so that foreign keys are not enforced meanwhile: who uses this checks
        them at the end.
        """
        with self._writers.connect() as connection:
            self._enforce_foreign_keys(connection, False)
            try:
                with connection.begin():
                    yield connection
            finally:
                self._enforce_foreign_keys(connection, True)

    def _enforce_foreign_keys(self, connection: Connection, enforce: bool) -> None:
        # Past SQLAlchemy, which would begin a transaction; inside one the pragma does nothing.
        if self.is_sqlite and not connection.invalidated:
            driver: Any = connection.connection.driver_connection
            driver.execute(f"PRAGMA foreign_keys = {enforce:d}")

    def dispose(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()


def _engine(url: sa.URL, **settings: Any) -> Engine:
    try:
        engine = sa.create_engine(url, hide_parameters=True, **settings)
    except (ImportError, sa.exc.NoSuchModuleError):
        raise _without_driver(url) from None
    if engine.dialect.is_async:
        raise _without_driver(url)
    return engine


def _without_driver(url: sa.URL) -> ConfigurationError:
    backend, _plus, driver = url.drivername.partition("+")
    message = _("there is no driver {driver!r} that crmkit can use; write {backend}:// and let crmkit choose")
    return ConfigurationError("database.url", message, driver=driver, backend=backend)


def _open_sqlite(url: sa.URL, pool_size: int) -> Engine:
    # isolation_level None: the driver never begins on its own, so that BEGIN IMMEDIATE is ours to say.
    arguments = {
        "timeout": _BUSY_SECONDS,
        "check_same_thread": False,
        "isolation_level": None,
        "cached_statements": 512,
    }
    return _listening(_engine(url, connect_args=arguments, poolclass=QueuePool, pool_size=pool_size, max_overflow=64))


def _listening(engine: Engine) -> Engine:
    """Return *engine*, to SQLite, whose connections are as crmkit needs them."""
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    for pragma in _SQLITE_PRAGMAS:
        _set_when_free(connection, pragma)
    connection.create_function("crm_fold", 1, _fold_or_none, deterministic=True)
    connection.create_function("crm_id", 1, _id_or_none, deterministic=True)
    connection.create_function("crm_search_level", 2, search_level, deterministic=True)


def _set_when_free(connection: Any, pragma: str) -> None:
    """Set *pragma*; a fresh file changes to WAL only while nobody else has it, and SQLite does not wait for that."""
    end = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute(f"PRAGMA {pragma}")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)


def _fold_or_none(value: Any) -> Any:
    return casefold(value) if isinstance(value, str) else value


def _id_or_none(value: Any) -> Any:
    return bytes.fromhex(value.replace("-", "")) if isinstance(value, str) else value


def _begin_sqlite(connection: Connection) -> None:
    # Readers begin deferred: IMMEDIATE everywhere makes them wait for the writer.
    writes = connection.get_execution_options().get(_WRITES)
    # What SQLite keeps aside is quickest in memory. But there, each statement inside a savepoint walks through all
    # that the savepoint has kept so far: ten thousand updates took a minute.
    driver: Any = connection.connection.dbapi_connection
    driver.execute(f"PRAGMA temp_store = {'FILE' if writes else 'MEMORY'}")
    if writes:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        # It waits for nobody, so that it needs nobody who translates what SQLite says.
        driver.execute("BEGIN")


def _open_postgresql(url: sa.URL, pool_size: int) -> Engine:
    if url.drivername == "postgresql":
        url = url.set(drivername=f"postgresql+{_postgresql_driver()}")
    if url.get_driver_name() == "pg8000":
        url = _with_socket(url)
    # Positional parameters let prepared statements be fed with plain tuples.
    engine = _engine(url, pool_size=pool_size, max_overflow=64, paramstyle="format")
    sa.event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _with_socket(url: sa.URL) -> sa.URL:
    """Return *url*; a folder in the place of a host, as PostgreSQL's own programs take it, names the socket in it."""
    folder, port = url.query.get("host"), url.query.get("port", url.port or 5432)
    if not isinstance(folder, str) or not folder.startswith("/"):
        return url
    socket = f"{folder.rstrip('/')}/.s.PGSQL.{port}"
    return url.difference_update_query(["host", "port"]).update_query_dict({"unix_sock": socket})


def _postgresql_driver() -> str:
    for driver in ("psycopg", "pg8000"):
        # psycopg may be there without the library that it needs.
        with suppress(ImportError):
            import_module(driver)
            return driver
    message = _("no PostgreSQL driver is installed; install the extra crmkit[postgresql], or psycopg")
    raise ConfigurationError("database.url", message)


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("SET TIME ZONE 'UTC'")
    # Starting parallel workers takes ten milliseconds: worth it for sums over a million rows, not for a page.
    cursor.execute("SET parallel_setup_cost = 25000")
    connection.commit()
    cursor.close()
