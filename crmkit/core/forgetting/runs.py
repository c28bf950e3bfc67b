"""Forgetting what came of the occasions on which automations were set off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crmkit.core.automating.keeping import HOPELESS
from crmkit.core.jobs.limits import AUTOMATIONS
from crmkit.core.privacy.extent import Extent
from crmkit.core.privacy.holding import held
from crmkit.core.privacy.wiping import wipe

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["forget_runs"]

_RUN = "core.automation_run"
_AT_ONCE = 500


def forget_runs(open_writer: Callable[[], AbstractContextManager[Writer]], before: datetime) -> Iterator[int]:
    """Delete the runs from *before* that moment, some in each transaction, and yield how many those were.

    Kept are the newest of each automation, by which one that fails again and again is switched off; those of
    automations of which work is still open or parked; and those about a record under a legal hold. What the runs have
    written stays in the ledger, with its cause; that they were forgotten is noted there.
    """
    reached: UUID | None = None
    while True:
        with open_writer() as writer:
            found = _found(writer, before, reached)
            if not found:
                return
            kept = set(held(writer.trusted, {(entity, record) for _id, entity, record in found}))
            gone = tuple((_RUN, id_) for id_, entity, record in found if (entity, record) not in kept)
            wipe(writer, Extent(gone, {}), ())
        reached = found[-1][0]
        yield len(gone)


def _found(writer: Writer, before: datetime, after: UUID | None) -> list[tuple[UUID, str, UUID]]:
    run, job = writer.model.schema.tables["core_automation_run"], writer.model.schema.system.job
    place = sa.func.row_number().over(partition_by=run.c.automation, order_by=(run.c.ran_at.desc(), run.c.id.desc()))
    # A condition that did not hold says nothing of whether the actions could be done.
    asked = sa.select(run.c.id, place.label("place")).where(run.c.outcome != "unmet").subquery()
    newest = sa.select(asked.c.id).where(asked.c.place <= HOPELESS)
    is_open = sa.exists().where(
        job.c.name == sa.literal(f"{AUTOMATIONS}:") + run.c.automation, job.c.state.in_(["ready", "running", "dead"])
    )
    old = sa.select(run.c.id, run.c.entity, run.c.record_id).where(run.c.ran_at < before, run.c.id.not_in(newest))
    old = old.where(~is_open).order_by(run.c.id).limit(_AT_ONCE)
    rows = writer.connection.execute(old if after is None else old.where(run.c.id > after))
    return [(row.id, row.entity, row.record_id) for row in rows]
