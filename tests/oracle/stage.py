"""An empty database for a play, emptied again for the next: tables made once, statements kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from crmkit import CRM, Config, Database, FixedClock
from crmkit.core.ledger import GENESIS
from tests.oracle import extra, trade
from tests.oracle.play import Play

__all__ = ["Stage"]

START = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)


class Stage:
    """One CRM on one database; :meth:`play` gives it empty."""

    def __init__(self, url: str) -> None:
        self.clock = FixedClock(START)
        self.crm = CRM(Config(database=Database(url=url)), plugins=[trade, extra], clock=self.clock)
        self._prepare()
        self.crm.schema.metadata.drop_all(self.crm.storage.engine)
        self.crm.schema.metadata.create_all(self.crm.storage.engine)

    def _prepare(self) -> None:
        if self.crm.storage.is_sqlite:
            sa.event.listen(self.crm.storage.engine, "connect", _hurry)

    def forget(self) -> None:
        """Forget every statement and everything else that the CRM prepared: crmkit itself has changed."""
        self.crm.storage.dispose()
        self.crm = CRM(self.crm.config, plugins=[trade, extra], clock=self.clock)
        self._prepare()

    def play(self) -> Play:
        """Return a play on the emptied database."""
        system = self.crm.schema.system
        with self.crm.storage.writing() as connection:
            for table in reversed(self.crm.schema.metadata.sorted_tables):
                connection.execute(sa.delete(table))
            connection.execute(sa.insert(system.ledger_head).values(one=1, last_id=0, chain=GENESIS))
            connection.execute(sa.insert(system.epoch).values(one=1, value=1))
        # The epoch starts again, so what was resolved under its numbers must go.
        self.crm.__dict__.pop("_accesses", None)
        self.clock.travel(START)
        return Play(self.crm)


def _hurry(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous = OFF")
