"""The work that retention rules leave to workers, every night."""

from __future__ import annotations

from datetime import timedelta

from crmkit.core.jobs.context import WorkContext
from crmkit.core.jobs.job import Job, NoArguments
from crmkit.core.jobs.schedule import Schedule
from crmkit.core.privacy.retaining import run_retention

__all__ = ["RETENTION_WORK"]


def _run(context: WorkContext, _arguments: NoArguments) -> None:
    run_retention(context.write)


RUN_RETENTION = Job("core.run_retention", _run, time_limit=timedelta(hours=4), priority="low")
RETENTION_WORK = (RUN_RETENTION, Schedule("core.retention_at_night", "15 3 * * *", RUN_RETENTION.id))
