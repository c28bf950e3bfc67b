"""What somebody has to do for all workers: tell events, keep schedules, take back what was lost, forget what is old."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import attrs
from sqlalchemy.engine import Connection

from crmkit.core.events.dispatcher import Dispatcher
from crmkit.core.events.lag import untold
from crmkit.core.jobs.limits import AUTOMATIONS
from crmkit.core.jobs.outlook import Outlook, Outlooks
from crmkit.core.jobs.ticking import Ticker
from crmkit.core.registry import CORE

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["Upkeep"]

_SWEEP = timedelta(minutes=5)


class Upkeep:
    """Keeps the lease table of one CRM; as many as like may do so at the same time."""

    def __init__(self, crm: CRM) -> None:
        """Know what the plugins declare, and what was defined at run time.

        Raises:
            NotMigratedError, RevisionsMissingError, PluginParkedError: the database is not what the plugins need.
        """
        crm.check_ready()
        crm.refresh()
        self._crm = crm
        #: Whose work this CRM can do.
        self.plugins = frozenset({CORE, AUTOMATIONS, *(plugin.name for plugin in crm.plugins)})
        self._dispatcher, self._ticker = Dispatcher(crm), Ticker(crm)
        self._outlooks = Outlooks(crm.schema, crm.model.jobs.statements, untold(crm.schema))
        self._swept_at: datetime | None = None

    def outlook(self, connection: Connection, now: datetime) -> Outlook:
        """Return what there is to do; nothing is locked."""
        ticker = self._ticker
        found = self._outlooks.ask(connection, now, self.plugins, ticker.names, ticker.of_records)
        return found if ticker.is_known else attrs.evolve(found, is_struck=True)

    def next_due(self, connection: Connection) -> datetime | None:
        """Return when the first schedule is due."""
        return self._ticker.next_due(connection)

    def go_on(self, connection: Connection, now: datetime, outlook: Outlook) -> int:
        """Do what there is to do by the *outlook*, and return how much that was."""
        went_on = self._crm.model.jobs.reclaim(connection, now) if outlook.is_lost else 0
        went_on += self._dispatcher.tell(connection, now) if outlook.is_untold else 0
        went_on += self._ticker.tick(connection, now) if outlook.is_struck else 0
        if self._swept_at is None or now - self._swept_at >= _SWEEP:
            self._crm.model.jobs.sweep(connection, now - timedelta(days=self._crm.config.keep.job_days))
            self._swept_at = now
        return went_on
