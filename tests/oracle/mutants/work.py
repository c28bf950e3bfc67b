"""Faults in who sees what is to be done, and changes it."""

from __future__ import annotations

import sqlalchemy as sa

from crmkit.core.jobs.door import Jobs, JobsDesk
from crmkit.core.policy.access import Access
from tests.oracle.mutants.seeding import mutant


@mutant("jobs")
def jobs_of_everybody_are_listed():
    yield Jobs, "_visible", lambda self: sa.true()


@mutant("jobs")
def deliveries_count_as_own_jobs():
    yield Jobs, "_visible", lambda self: self._table.c.principal_id == self._reader.access.user_id


@mutant("jobs")
def whoever_sees_jobs_sees_inside():
    yield Access, "reads_everything", property(lambda self: True)


@mutant("job_changes")
def whoever_sees_jobs_changes_them():
    yield JobsDesk, "_may", lambda self, verb, id_: True


@mutant("job_changes", steps=["wait"] * 4)
def deliveries_of_ones_own_writes_are_cancelled():
    original = JobsDesk._may

    def may(self, verb, id_):
        self._is_own = lambda: self._table.c.principal_id == self._reader.access.user_id
        return original(self, verb, id_)

    yield JobsDesk, "_may", may


@mutant("job_changes", steps=["wait"] * 4)
def own_jobs_are_done_again():
    original = JobsDesk._may
    yield JobsDesk, "_may", lambda self, verb, id_: original(self, "cancel", id_)
