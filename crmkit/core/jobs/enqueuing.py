"""Enqueuing a job in the transaction of the writes that it belongs to: either both come about or neither."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from crmkit.core.jobs.chain import chain_of
from crmkit.core.jobs.errors import JobArgumentsError, LoopError, UnknownJobError
from crmkit.core.jobs.job import Job, NoArguments
from crmkit.core.jobs.limits import DEEPEST
from crmkit.core.jobs.rows import new_row
from crmkit.core.text import gettext as _, is_storable

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["enqueue"]

_LONGEST_KEY = 140


def enqueue(
    writer: Writer, job: Job | str, arguments: Any = None, *, key: str | None = None, run_at: datetime | None = None
) -> UUID:
    """Do what :meth:`Writer.enqueue` says."""
    id_ = job.id if isinstance(job, Job) else str(job)
    declared = writer.model.registry.jobs.get(id_)
    if declared is None:
        raise UnknownJobError(id_)
    kept: Any = key
    given = NoArguments() if arguments is None else arguments
    if not isinstance(given, declared.arguments):
        raise JobArgumentsError(id_, _("it takes {expected}."), expected=declared.arguments.__name__)
    if kept is not None and not (isinstance(kept, str) and 1 <= len(kept) <= _LONGEST_KEY and is_storable(kept)):
        raise JobArgumentsError(id_, _("a key has 1 to {longest} characters."), longest=_LONGEST_KEY)
    if run_at is not None and getattr(run_at, "tzinfo", None) is None:
        raise JobArgumentsError(id_, _("the time has no time zone."))
    if writer.depth >= DEEPEST:
        raise LoopError([*chain_of(writer.connection, writer.model.schema, writer.cause), id_])
    row = new_row(
        "job",
        id_,
        msgspec.to_builtins(given),
        writer.now,
        run_at=run_at,
        key=None if key is None else f"{id_}:{key}",
        priority=declared.priority,
        tries=declared.tries,
        principal_id=writer.access.user_id,
        cause=writer.cause,
        depth=writer.depth + 1,
    )
    enqueued = writer.model.jobs.add_once(writer.connection, row)
    if enqueued == row["id"] and row["run_at"] <= writer.now:
        writer.enqueued.append(enqueued)
    return enqueued
