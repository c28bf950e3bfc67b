"""Work that waits, is done or is parked: as chance draws it, and as a row of the lease table."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa

from crmkit import CRM
from crmkit.core.jobs.rows import new_row
from tests.oracle.mirror import Work
from tests.oracle.worlds import USERS, Chance

__all__ = ["draw_work", "row_of_work"]


def draw_work(chance: Chance) -> dict[UUID, Work]:
    """Return some work, by its ids."""
    return {
        chance.new_id(): Work(
            chance.one(["job", "job", "delivery", "schedule"]), f"trade.work{number % 3}",
            chance.one(["ready", "dead", "cancelled", "done"]), chance.one([*USERS, None]),
        )
        for number in range(9)
    }  # fmt: skip


def row_of_work(crm: CRM, id: UUID, work: Work) -> sa.Insert:
    """Return the statement that puts *work* into the lease table."""
    row = new_row(work.kind, work.name, {"of": work.name}, crm.clock.now(), principal_id=work.principal, cause="why")
    return sa.insert(crm.schema.system.job).values(**row | {"id": id, "state": work.state, "details": "all of it"})
