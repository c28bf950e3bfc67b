"""Jobs: work that is done after a commit, later, or again and again. Here is what plugins declare of it."""

from crmkit.core.jobs.job import Job, NoArguments
from crmkit.core.jobs.schedule import DueRecord, RecordSchedule, Schedule

__all__ = ["DueRecord", "Job", "NoArguments", "RecordSchedule", "Schedule"]
