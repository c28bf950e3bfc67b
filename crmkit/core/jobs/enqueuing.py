"""Enqueuing a job in the transaction of the writes that it belongs to: either both come about or neither."""

from __future__ import annotations

from collections.abc import Mapping
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

__all__ = ["enqueue", "wake"]

_LONGEST_KEY = 140
# The key of the one row of a job that is woken.
_WOKEN = "woken"


def enqueue(
    writer: Writer, job: Job | str, arguments: Any = None, *, key: str | None = None, run_at: datetime | None = None
) -> UUID:
    """Do what :meth:`Writer.enqueue` says."""
    declared = _declared(writer, job)
    given = NoArguments() if arguments is None else arguments
    if not isinstance(given, declared.arguments):
        raise JobArgumentsError(declared.id, _("it takes {expected}."), expected=declared.arguments.__name__)
    kept: Any = key
    if kept is not None and not (isinstance(kept, str) and 1 <= len(kept) <= _LONGEST_KEY and is_storable(kept)):
        raise JobArgumentsError(declared.id, _("a key has 1 to {longest} characters."), longest=_LONGEST_KEY)
    row = _row(writer, declared, given, key, run_at)
    enqueued = writer.model.jobs.add_once(writer.connection, row)
    if enqueued == row["id"] and row["run_at"] <= writer.now:
        writer.enqueued.append(enqueued)
    return enqueued


def wake(writer: Writer, job: Job | str, *, run_at: datetime | None = None) -> UUID:
    """Do what :meth:`Writer.wake` says."""
    declared = _declared(writer, job)
    if declared.arguments is not NoArguments:
        raise JobArgumentsError(declared.id, _("it takes {expected}."), expected=declared.arguments.__name__)
    row = {**_row(writer, declared, NoArguments(), _WOKEN, run_at), "principal_id": None, "scopes": None}
    woken = writer.model.jobs.wake(writer.connection, row)
    if row["run_at"] <= writer.now:
        writer.enqueued.append(woken)
    return woken


def _declared(writer: Writer, job: Job | str) -> Job:
    id_ = job.id if isinstance(job, Job) else str(job)
    declared = writer.model.registry.jobs.get(id_)
    if declared is None:
        raise UnknownJobError(id_)
    return declared


def _row(writer: Writer, job: Job, arguments: Any, key: str | None, run_at: datetime | None) -> Mapping[str, Any]:
    if run_at is not None and getattr(run_at, "tzinfo", None) is None:
        raise JobArgumentsError(job.id, _("the time has no time zone."))
    if writer.depth >= DEEPEST:
        raise LoopError([*chain_of(writer.connection, writer.model.schema, writer.cause), job.id])
    return new_row(
        "job",
        job.id,
        msgspec.to_builtins(arguments),
        writer.now,
        run_at=run_at,
        key=None if key is None else f"{job.id}:{key}",
        priority=job.priority,
        tries=job.tries,
        principal_id=writer.access.user_id,
        scopes=writer.access.scopes,
        cause=writer.cause,
        depth=writer.depth + 1,
        traces=writer.traces(),
    )
