"""What goes wrong with work that is done after a commit."""

from __future__ import annotations

from collections.abc import Sequence

from crmkit.core.errors import CrmkitError
from crmkit.core.jobs.limits import DEEPEST
from crmkit.core.text import Text, gettext as _

__all__ = ["JobArgumentsError", "LeaseLostError", "LoopError", "TimeLimitError", "UnknownJobError", "WorkerLostError"]


class UnknownJobError(CrmkitError):
    """No enabled plugin declares this job or subscriber."""

    code = "unknown-job"
    template = _("There is no job {job!r}.")

    def __init__(self, job: str) -> None:
        """Name the *job*."""
        super().__init__(job=job)


class JobArgumentsError(CrmkitError):
    """A job was enqueued with arguments that it does not take."""

    code = "job-arguments"
    template = _("The job {job} cannot be enqueued: {reason}")

    def __init__(self, job: str, reason: Text, **facts: object) -> None:
        """Name the *job* and the reason."""
        super().__init__(job=job, reason=reason, **facts)


class LoopError(CrmkitError):
    """Writes, events and jobs keep causing each other; the chain is shown, the oldest first."""

    code = "loop"
    template = _("Stopped after {deepest} steps that caused each other: {shown}.")

    def __init__(self, chain: Sequence[str]) -> None:
        """Show the *chain*."""
        super().__init__(deepest=DEEPEST, chain=tuple(chain), shown=" → ".join(chain))


class LeaseLostError(CrmkitError):
    """The work was cancelled, or given to another worker because this one seemed dead: what it writes does not count.

    A handler lets it pass.
    """

    code = "lease-lost"
    template = _("{name}: this worker no longer has the work; nothing was written.")

    def __init__(self, name: str) -> None:
        """Name the work."""
        super().__init__(name=name)


class TimeLimitError(CrmkitError):
    """A handler ran longer than it may; what it still writes does not count."""

    code = "time-limit"
    template = _("{name} did not end within {seconds:g} seconds.")

    def __init__(self, name: str, seconds: float) -> None:
        """Name the work and its limit."""
        super().__init__(name=name, seconds=seconds)


class WorkerLostError(CrmkitError):
    """The worker that had the work is gone, and the work has no tries left."""

    code = "worker-lost"
    template = _("The worker that had the work is gone.")
