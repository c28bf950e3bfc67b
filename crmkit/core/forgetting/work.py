"""The work that forgetting leaves to workers, every night."""

from __future__ import annotations

from datetime import timedelta
from itertools import chain

from crmkit.core.forgetting.outbox import forget_outbox
from crmkit.core.jobs.context import WorkContext
from crmkit.core.jobs.job import Job, NoArguments
from crmkit.core.jobs.schedule import Schedule

__all__ = ["FORGETTING_WORK"]


def _forget(context: WorkContext, _arguments: NoArguments) -> None:
    # What wipes knows writers and all below them; what declares does not load it.
    from crmkit.core.forgetting.answers import forget_answers
    from crmkit.core.forgetting.passing import forget_passing_files
    from crmkit.core.forgetting.runs import forget_runs

    outbox_before = context.now - timedelta(days=context.keep.outbox_days)
    runs_before = context.now - timedelta(days=context.keep.run_days)
    done = 0
    for forgotten in chain(
        forget_outbox(context.write, outbox_before),
        forget_runs(context.write, runs_before),
        forget_answers(context.write, context.now),
        forget_passing_files(context.write, context.now),
    ):
        done += forgotten
        context.progress(done)


FORGET = Job("core.forget_what_is_done", _forget, time_limit=timedelta(hours=2), priority="low")
FORGETTING_WORK = (FORGET, Schedule("core.forget_at_night", "25 3 * * *", FORGET.id))
