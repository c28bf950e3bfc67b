"""An empty database for a play, emptied again for the next: tables made once, statements kept."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit import CRM, Config, Database, FixedClock
from crmkit.core.configuration.config import Files
from crmkit.core.ledger import GENESIS
from crmkit.core.migrating.applied import note_all_applied
from crmkit.core.storage.database_objects import create_objects
from tests.oracle import extra, runtime, trade
from tests.oracle.play import Play

__all__ = ["Stage"]

START = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)


class Stage:
    """One CRM on one database, with files in *folder*; :meth:`play` gives it empty."""

    def __init__(self, url: str, folder: Path) -> None:
        self.clock = FixedClock(START)
        self.crm = CRM(
            Config(database=Database(url=url), files=Files(folder=str(folder))),
            plugins=[trade, extra],
            clock=self.clock,
        )
        self._prepare()
        self._found()

    def _found(self) -> None:
        with self.crm.storage.writing() as connection:
            self.crm.schema.metadata.create_all(connection)
            create_objects(connection, self.crm.registry, self.crm.schema)
            note_all_applied(self.crm, connection)
            _let_the_ledger_change(connection)
        self._empty()
        with self.crm.storage.writing() as connection:
            # By now it has what is made at run time.
            self.crm.schema.tables["custom_project"].create(connection)

    def _prepare(self) -> None:
        if self.crm.storage.is_sqlite:
            sa.event.listen(self.crm.storage.engine, "connect", _hurry)

    def forget(self) -> None:
        """Forget every statement and everything else that the CRM prepared: crmkit itself has changed."""
        self.crm.storage.dispose()
        self.crm = CRM(self.crm.config, plugins=[trade, extra], clock=self.clock)
        self._prepare()
        self.crm.refresh()

    def play(self) -> Play:
        """Return a play on the emptied database."""
        self._empty()
        # The epoch starts again, so what was resolved under its numbers must go.
        self.crm.model.__dict__.pop("accesses", None)
        self.clock.travel(START)
        return Play(self.crm)

    def _empty(self) -> None:
        system = self.crm.schema.system
        with self.crm.storage.writing() as connection:
            for table in reversed(runtime.tables(self.crm.schema)):
                connection.execute(sa.delete(table))
            connection.execute(sa.insert(system.ledger_head).values(one=1, last_id=0, chain=GENESIS))
            connection.execute(sa.insert(system.epoch).values(one=1, value=1, definitions=1))
            for table, row in runtime.rows(START):
                connection.execute(sa.insert(self.crm.schema.tables[table]), [row])
        self.crm.refresh()


def _let_the_ledger_change(connection: Connection) -> None:
    """Take away what guards the ledger: it is emptied for each play, and rewritten where secrets change."""
    if connection.dialect.name == "sqlite":
        guards = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'core_ledger%'"
        for name in connection.scalars(sa.text(guards)).all():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
    else:
        for table in ("core_ledger", "core_ledger_payload"):
            connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")


def _hurry(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous = OFF")
