"""What a job is: named work that is done later, with arguments that fit a schema."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import attrs

from crmkit.core.jobs.limits import TRIES, check_tries, check_work_id

if TYPE_CHECKING:
    from crmkit.core.jobs.context import WorkContext

__all__ = ["PRIORITIES", "Job", "NoArguments", "Priority"]

Priority = Literal["high", "normal", "low"]
PRIORITIES: tuple[Priority, ...] = ("high", "normal", "low")


@attrs.frozen
class NoArguments:
    """The arguments of a job that takes none."""


@attrs.frozen
class Job:
    """Has *handler* called with a :class:`WorkContext` and an instance of the attrs class *arguments*.

    A handler that runs longer than *time_limit* has failed; what lasts longer is cut into several jobs. After *tries*
    failures the job is parked for an administrator. With *aside* it has a thread of its own beside those that share
    the work: so is done what mostly waits for others, and would keep a thread busy with that.
    """

    id: str = attrs.field(validator=check_work_id)
    handler: Callable[[WorkContext, Any], object]
    arguments: type[Any] = NoArguments
    time_limit: timedelta = timedelta(minutes=5)
    tries: int = attrs.field(default=TRIES, validator=check_tries)
    priority: Priority = "normal"
    aside: bool = False
