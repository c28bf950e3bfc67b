"""The outlook of a worker: what there is to do, asked in one statement that locks nothing."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.jobs.statements import Statements
from crmkit.core.storage.columns import Moment
from crmkit.core.storage.schema import Schema

__all__ = ["LOOK", "Outlook", "Outlooks"]

#: How often records are looked at for times that were set or put off meanwhile.
LOOK = timedelta(minutes=1)


@attrs.frozen
class Outlook:
    """What there was to do when somebody asked.

    Rows of the ledger that nobody has told of, work whose worker gave no sign of life, a schedule that is due; work
    that is due, and whether some of it is suspect; and whether a plugin has failed since it last succeeded.
    """

    is_untold: bool
    is_lost: bool
    is_struck: bool
    is_due: bool
    is_suspect: bool
    has_failures: bool

    @property
    def has_upkeep(self) -> bool:
        """Whether there is something to do for all workers."""
        return self.is_untold or self.is_lost or self.is_struck


class Outlooks:
    """Asks for the outlook of the workers of one CRM."""

    def __init__(self, schema: Schema, statements: Statements, lag: sa.Select[Any]) -> None:
        """Build the statement; *lag* tells how many rows of the ledger nobody has told of."""
        c = schema.system.job.c
        now, late = (sa.bindparam(name, type_=Moment()) for name in ("now", "late"))
        names, record_names = (
            sa.bindparam(name, type_=sa.String(), expanding=True) for name in ("names", "record_names")
        )
        # A clock that was put back must not make records wait until it is where it was.
        strikes = sa.or_(c.run_at <= now, sa.and_(c.run_at > late, c.name.in_(record_names)))
        struck = sa.exists(sa.select(sa.literal(1)).where(c.state == "scheduled", c.name.in_(names), strikes))
        asked = sa.func.coalesce(lag.scalar_subquery(), 0) > 0, statements.is_lost, struck
        failures = sa.exists(sa.select(sa.literal(1)).select_from(schema.system.circuit))
        self._statement = sa.select(*asked, statements.is_due, statements.is_suspect, failures)

    def ask(
        self,
        connection: Connection,
        now: datetime,
        plugins: Collection[str],
        schedules: Collection[str],
        of_records: Collection[str],
    ) -> Outlook:
        """Return the outlook for work of *plugins* and for *schedules*, of which *of_records* look at records."""
        given = {"now": now, "late": now + LOOK, "plugins": list(plugins)}
        named = {"names": list(schedules), "record_names": list(of_records)}
        return Outlook(*map(bool, connection.execute(self._statement, {**given, **named}).one()))
