"""How the work stands, as the database says it: the same whichever process asks."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.errors import CrmkitError
from crmkit.core.events.lag import untold
from crmkit.core.jobs.circuits import Circuits
from crmkit.core.jobs.heartbeat import ALIVE, workers_seen

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["Standing", "standing"]

_log = logging.getLogger(__name__)
_LONG = timedelta(days=1)


@attrs.frozen
class Standing:
    """How the work stands.

    *jobs* counts what is not done by ``(kind, state)``. *oldest* is for how many seconds the job that has been due
    longest is due, *untold* how many writes nobody was told of, *worker_seen* how many seconds ago a worker was seen,
    -1 if none was within a day.
    """

    jobs: Mapping[tuple[str, str], int]
    oldest: float
    untold: int
    open_circuits: tuple[str, ...]
    workers: int
    worker_seen: float

    @property
    def dead(self) -> int:
        """How many deliveries and jobs are parked."""
        return sum(number for (_kind, state), number in self.jobs.items() if state == "dead")


def standing(crm: CRM) -> Standing | None:
    """Return how the work of *crm* stands; ``None`` if the database does not answer."""
    try:
        with crm.storage.reading() as connection:
            return _read(crm, connection, crm.clock.now())
    except (CrmkitError, sa.exc.DBAPIError) as error:
        _log.warning("how the work stands could not be asked", exc_info=error)
        return None


def _read(crm: CRM, connection: Connection, now: datetime) -> Standing:
    c = crm.schema.system.job.c
    # What is done is far more, and stays for weeks.
    waiting = c.state.in_(["ready", "running", "dead"])
    counted = sa.select(c.kind, c.state, sa.func.count()).where(waiting).group_by(c.kind, c.state)
    jobs = {(kind, state): number for kind, state, number in connection.execute(counted)}
    due = connection.execute(sa.select(sa.func.min(c.run_at)).where(c.state == "ready")).scalar()
    circuits = Circuits(crm.schema, crm.storage.dialect).all(connection)
    seen = workers_seen(connection, crm.schema, now - ALIVE)
    last = seen or workers_seen(connection, crm.schema, now - _LONG)
    return Standing(
        jobs=jobs,
        oldest=0.0 if due is None else max(0.0, (now - due).total_seconds()),
        untold=int(connection.execute(untold(crm.schema)).scalar() or 0),
        open_circuits=tuple(circuit.plugin for circuit in circuits if circuit.opened_at),
        workers=len(seen),
        worker_seen=max(0.0, (now - last[0].seen_at).total_seconds()) if last else -1.0,
    )
