"""Fresh databases with all tables in them: copies of a template that ``apply`` made once."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from crmkit.core.crm import CRM
from crmkit.core.errors import CrmkitError
from crmkit.core.migrating import apply
from crmkit.core.searching.rebuilding import have_search_made
from crmkit.core.storage.database_objects import create_objects
from crmkit.core.text import gettext as _
from crmkit.testing.plugin_sets import PluginSet, plugin_set
from crmkit.testing.postgresql import postgresql_url
from crmkit.testing.session import Session

__all__ = ["Databases", "PostgreSQLDatabases", "PostgreSQLServer", "SQLiteDatabases", "UnrevisedError"]

_count = itertools.count(1)


class UnrevisedError(CrmkitError):
    """A plugin declares columns that none of its revisions makes, so that nothing can be tested."""

    code = "unrevised"
    template = _("{plugin} declares {columns} in {table}, which no revision makes: run crmkit db revision {plugin}")

    def __init__(self, plugin: str, table: str, columns: Iterable[str]) -> None:
        """Name the *columns* of *table*."""
        super().__init__(plugin=plugin, table=table, columns=", ".join(sorted(columns)))


class Databases(Protocol):
    """One kind of database: names are made up here, copied, and dropped."""

    def url(self, name: str) -> str:
        """Return the URL of the database *name*."""
        ...

    def exists(self, name: str) -> bool:
        """Return whether there is a database *name*."""
        ...

    def make(self, name: str, source: str | None, change: Callable[[str], None] | None) -> None:
        """Make the database *name*, empty or a copy of *source*, and let *change* at its URL before others see it."""
        ...

    def drop(self, name: str) -> None:
        """Delete the database *name*."""
        ...


class SQLiteDatabases:
    """Files in the fast folder of a run."""

    def __init__(self, session: Session) -> None:
        """Keep the files of *session*."""
        self._folder = session.fast_folder

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.db"

    def url(self, name: str) -> str:
        """Return the URL of the file *name*."""
        return f"sqlite:///{self._path(name)}"

    def exists(self, name: str) -> bool:
        """Return whether there is a file *name*."""
        return self._path(name).exists()

    def make(self, name: str, source: str | None, change: Callable[[str], None] | None) -> None:
        """Make the file *name*; another process sees it when it is complete."""
        draft = f"{name}-{os.getpid()}" if change else name
        if source is not None:
            shutil.copyfile(self._path(source), self._path(draft))
        if change is not None:
            change(self.url(draft))
            self._path(draft).replace(self._path(name))

    def drop(self, name: str) -> None:
        """Delete the file and what SQLite keeps beside it."""
        for suffix in ("", "-wal", "-shm"):
            self._path(name).with_suffix(f".db{suffix}").unlink(missing_ok=True)


class PostgreSQLServer:
    """Databases on one server."""

    def __init__(self, url: str) -> None:
        """Connect to the server at *url* when something is asked for."""
        server = sa.make_url(url)
        if server.drivername == "postgresql":
            server = server.set(drivername=f"postgresql+{'psycopg' if find_spec('psycopg') else 'pg8000'}")
        self._server = server
        self._engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", pool_size=1)

    def url(self, name: str) -> str:
        """Return the URL of the database *name*."""
        return self._server.set(database=name).render_as_string(hide_password=False)

    def exists(self, name: str) -> bool:
        """Return whether there is a database *name*."""
        return name in self._names(name)

    def make(self, name: str, source: str | None, change: Callable[[str], None] | None) -> None:
        """Make the database *name*; another process sees it when it is complete."""
        draft = f"{name}_{os.getpid()}" if change else name
        self._run(f"CREATE DATABASE {draft} TEMPLATE {source or 'template0'} ENCODING 'UTF8' STRATEGY FILE_COPY")
        if change is not None:
            change(self.url(draft))
            self._run(f"ALTER DATABASE {draft} RENAME TO {name}")

    def drop(self, name: str) -> None:
        """Drop the database, whoever is still connected to it."""
        self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def drop_all(self, prefix: str) -> None:
        """Drop every database whose name begins with *prefix*."""
        for name in self._names(prefix):
            self.drop(name)

    def _names(self, prefix: str) -> list[str]:
        found = sa.text("SELECT datname FROM pg_database WHERE starts_with(datname, :prefix)")
        with self._engine.connect() as connection:
            return list(connection.scalars(found, {"prefix": prefix}))

    def _run(self, ddl: str) -> None:
        with self._engine.connect() as connection:
            connection.exec_driver_sql(ddl)

    def close(self) -> None:
        """Close the connection to the server."""
        self._engine.dispose()


class PostgreSQLDatabases(PostgreSQLServer):
    """Databases on the server of a run."""

    def __init__(self, session: Session) -> None:
        """Start the server of *session* if nobody did."""
        super().__init__(postgresql_url(session))


def database_name(session: Session) -> str:
    """Return a name that no database of *session* has."""
    return f"crmkit_{session.key}_{os.getpid()}_{next(_count)}"


def fresh_database(session: Session, databases: Databases, plugins: PluginSet) -> str:
    """Return the name of a new database with the tables of *plugins*, and nobody in it.

    Raises:
        UnrevisedError: a plugin declares what none of its revisions makes.
    """
    name = database_name(session)
    migrated = _migrated_template(session, databases, plugins)
    if not plugins.declared:
        databases.make(name, migrated, None)
    elif plugins.uses == 1:
        # A throw-away plugin is rarely seen twice: copy, and make its few tables in the copy.
        databases.make(name, migrated, None)
        _with_crm(plugins, _declared_maker(plugins))(databases.url(name))
    else:
        template = f"{migrated}_{os.getpid()}_{plugins.number}"
        if not databases.exists(template):
            databases.make(template, migrated, _with_crm(plugins, _declared_maker(plugins)))
        databases.make(name, template, None)
    return name


def _migrated_template(session: Session, databases: Databases, plugins: PluginSet) -> str:
    """Return the name of the database that the revisions of the installed plugins make; all processes share it."""
    if plugins.declared:
        config = plugins.pattern.config
        plugins = plugin_set(plugins.migrated, config.company, config.database.url)
    template = f"crmkit_{session.key}_{plugins.fingerprint}"
    if not databases.exists(template):
        with session.locked(template):
            if not databases.exists(template):
                databases.make(template, None, _with_crm(plugins, _apply))
    return template


def _with_crm(plugins: PluginSet, change: Callable[[CRM], None]) -> Callable[[str], None]:
    def run(url: str) -> None:
        crm = plugins.pattern.sibling(url)
        try:
            change(crm)
        finally:
            crm.close()

    return run


def _apply(crm: CRM) -> None:
    apply(crm)
    with crm.storage.reading() as connection:
        inspector = sa.inspect(connection)
        present = {name: {c["name"] for c in inspector.get_columns(name)} for name in inspector.get_table_names()}
    for table in crm.schema.metadata.sorted_tables:
        lacking = {str(column.name) for column in table.columns} - present.get(table.name, set())
        if lacking:
            raise UnrevisedError(table.info["owner"], table.name, lacking)


def _declared_maker(plugins: PluginSet) -> Callable[[CRM], None]:
    def make(crm: CRM) -> None:
        tables = [table for table in crm.schema.metadata.tables.values() if table.info["owner"] in plugins.declared]
        with crm.storage.altering() as connection:
            crm.schema.metadata.create_all(connection, tables=tables, checkfirst=False)
            create_objects(connection, crm.registry, crm.schema)
        with crm.system("tables are made") as db:
            have_search_made(db)

    return make
