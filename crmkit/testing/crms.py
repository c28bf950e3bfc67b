"""CRMs for tests: each on a database of its own, migrated and empty."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType
from typing import Literal

from crmkit.core.clock import Clock, FixedClock
from crmkit.core.configuration.config import Company
from crmkit.core.crm import CRM
from crmkit.core.plugins import LoadedPlugin
from crmkit.testing.databases import Databases, PostgreSQLDatabases, SQLiteDatabases, database_name, fresh_database
from crmkit.testing.plugin_sets import PluginSet, plugin_set, resolve
from crmkit.testing.session import Session

__all__ = ["NOON", "CRMMaker", "DatabaseKind"]

DatabaseKind = Literal["sqlite", "postgresql"]
#: When it is in tests that say nothing else: a Monday.
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
_COMPANY = Company()


class CRMMaker:
    """Makes CRMs and, at the end, closes them and deletes their databases."""

    def __init__(self, session: Session) -> None:
        """Keep databases in *session*."""
        self._session = session
        self._kinds: dict[DatabaseKind, Databases] = {}
        self._endings: list[Callable[[], None]] = []

    def __call__(
        self,
        *plugins: str | ModuleType | LoadedPlugin,
        database: DatabaseKind = "sqlite",
        clock: Clock | None = None,
        company: Company | None = None,
    ) -> CRM:
        """Return a CRM with *plugins* on a fresh database.

        A plugin is given by the name under which it is installed or as its module; what it requires is added where it
        is installed. Unless *clock* says otherwise, time stands still at :data:`NOON`.

        Raises:
            PluginError: a plugin is not installed, or they do not fit together.
            RuntimeError: there is no PostgreSQL server to be had.
        """
        databases = self._databases(database)
        loaded = plugin_set(resolve(plugins), company or _COMPANY, f"{database}://")
        loaded.uses += 1
        return self._open(loaded, databases, fresh_database(self._session, databases, loaded), clock)

    def blank(
        self,
        *plugins: str | ModuleType | LoadedPlugin,
        database: DatabaseKind = "sqlite",
        clock: Clock | None = None,
    ) -> CRM:
        """Return a CRM with *plugins* on a database without any table, for tests of revisions."""
        databases = self._databases(database)
        name = database_name(self._session)
        databases.make(name, None, None)
        return self._open(plugin_set(resolve(plugins), _COMPANY, f"{database}://"), databases, name, clock)

    def _open(self, plugins: PluginSet, databases: Databases, name: str, clock: Clock | None) -> CRM:
        crm = plugins.pattern.sibling(databases.url(name), clock=clock or FixedClock(NOON))
        self._endings += [lambda: databases.drop(name), crm.close]
        return crm

    def _databases(self, kind: DatabaseKind) -> Databases:
        if kind not in self._kinds:
            made = SQLiteDatabases(self._session) if kind == "sqlite" else PostgreSQLDatabases(self._session)
            self._kinds[kind] = made
        return self._kinds[kind]

    def clear(self) -> None:
        """Close every CRM that was made and delete its database."""
        while self._endings:
            self._endings.pop()()

    def close(self) -> None:
        """Close every CRM and the connections to servers."""
        self.clear()
        for databases in self._kinds.values():
            if isinstance(databases, PostgreSQLDatabases):
                databases.close()
