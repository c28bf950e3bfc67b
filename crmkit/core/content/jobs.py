"""The work that content leaves to workers, every night."""

from __future__ import annotations

from datetime import timedelta

from crmkit.core.content.sweeping import sweep
from crmkit.core.jobs.context import WorkContext
from crmkit.core.jobs.job import Job, NoArguments
from crmkit.core.jobs.schedule import Schedule

__all__ = ["CONTENT_WORK"]


def _sweep(context: WorkContext, _arguments: NoArguments) -> None:
    with context.read() as db:
        sweep(db.model, db.connection, context.contents, dry_run=False)


SWEEP_CONTENT = Job("core.sweep_content", _sweep, time_limit=timedelta(hours=4), priority="low")
CONTENT_WORK = (SWEEP_CONTENT, Schedule("core.sweep_content_at_night", "50 3 * * *", SWEEP_CONTENT.id))
