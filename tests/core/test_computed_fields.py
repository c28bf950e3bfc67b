"""Computed fields: the database works them out for rows that may be seen, and for no others."""

from uuid import UUID

import pytest
import sqlalchemy as sa

from crmkit import (
    Grant,
    Integer,
    Mask,
    Owned,
    Record,
    Role,
    Rule,
    UnknownFieldError,
    computed,
    count,
    entity,
    field,
    greatest,
    ref,
    total,
    translator,
)
from crmkit.core.policy.rule_sources import FieldScope
from crmkit.core.rules.check import check
from crmkit.core.rules.memory import Row
from crmkit.core.rules.moment import Moment
from crmkit.testing import People, both_databases, plugin

_ = translator("tests")
HUGE = 2**62


@entity("shop.job", label=_("Job"))
class Job(Owned):
    hours: int = field(default=2)

    @computed(Integer(), needs=["hours"])
    def rate(self):
        return 1000 // self.hours

    @rate.sql
    def rate(columns):
        return sa.cast(sa.literal(1000) // columns.hours, sa.BigInteger)

    @computed(Integer(), needs=["hours"])
    def minutes(self):
        return self.hours * 60

    @computed(Integer(), needs=["hours"])
    def rest(self):
        return -(self.hours - 8) * 60


@entity("shop.visit", label=_("Visit"))
class Visit(Record):
    job_id: UUID | None = ref("shop.job", default=None)


ROLE = Role(
    "shop.worker",
    _("Worker"),
    [Grant("shop.job", ["read", "delete"], "team"), Grant("shop.visit", ["read"], "all")],
)


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm(plugin("shop", entities=[Job, Visit], roles=[ROLE]), database=database, clock=clock)


@pytest.fixture
def worker(people):
    # The more teams, the later a database looks whether a row may be seen.
    return people.user("Eve", team="North", also=[f"Team {n}" for n in range(30)], roles=["shop.worker"])


@pytest.fixture(params=["hidden", "in the bin"])
def unseen(request, crm, worker, people):
    """Make rows that the worker sees, and rows from which nothing can be computed, which the worker does not see."""
    other = people.user("Bob", team="South", roles=["shop.worker"])
    with crm.system("test") as db:
        db.create_many([Job(owner_id=worker.user_id) for _n in range(3)])
        owner = other if request.param == "hidden" else worker
        lost = db.create_many([Job(hours=hours, owner_id=owner.user_id) for hours in (0, HUGE) for _n in range(20)])
        if request.param == "in the bin":
            db.delete_many(lost)
        known = [job.id for job in db.find(Job)]
        db.create_many([Visit(job_id=id_) for id_ in known])
    return request.param


DOORS = {
    "count": lambda db, name: db.count(Job, f"{name} > 5"),
    "find": lambda db, name: len(db.find(Job, f"{name} > 5")),
    "find some": lambda db, name: len(db.find(Job, f"{name} > 5", limit=50)),
    "order": lambda db, name: len(db.find(Job, order_by=name, limit=50)),
    "pages": lambda db, name: len(list(db.stream(Job, order_by=f"-{name}", size=2))),
    "aggregate where": lambda db, name: db.aggregate(Job, measures={"n": count()}, where=f"{name} > 5")[0]["n"],
    "group": lambda db, name: db.aggregate(Job, group_by=["owner_id"], measures={"n": count(name)})[0]["n"],
    "measure": lambda db, name: measured(db, name)["n"],
    "behind a relation": lambda db, name: db.count(Visit, f"job.{name} > 5"),
    "beside a relation": lambda db, name: db.count(Visit, f"job.{name} > job.hours"),
    "a safe relation": lambda db, name: counted(db, name, 5),
    "an outer join": lambda db, name: joined(db, name),
}


def measured(db, name):
    return db.aggregate(Job, measures={"n": count(name), "total": total(name), "greatest": greatest(name)})[0]


def counted(db, name, least):
    jobs = db.visible(Job)
    return db.execute(sa.select(sa.func.count()).select_from(jobs).where(jobs.c[name] > least)).scalar()


def joined(db, name):
    visits, jobs = db.visible(Visit), db.visible(Job)
    both = visits.outerjoin(jobs, visits.c.job_id == jobs.c.id)
    return db.execute(sa.select(sa.func.count(jobs.c[name])).select_from(both)).scalar()


@both_databases
@pytest.mark.parametrize("name", ["rate", "minutes"])
@pytest.mark.parametrize("door", DOORS)
def test_no_row_that_is_not_seen_is_computed(crm, worker, unseen, door, name):
    with crm.read(worker) as db:
        assert DOORS[door](db, name) == 3


@both_databases
@pytest.mark.parametrize("name", ["minutes", "rest"])
def test_computed_number_beyond_64_bits_is_empty_to_rules_orders_and_measures(crm, worker, name):
    with crm.system("test") as db:
        small, huge = db.create_many([Job(hours=hours, owner_id=worker.user_id) for hours in (1, HUGE)])

    with crm.read(worker) as db:
        jobs = db.visible(Job)
        for rule, expected in ((f"{name} > 5", [small]), (f"{name} < 5", []), (f"{name} == null", [huge])):
            assert db.find(Job, rule) == expected
            assert [job for job in (small, huge) if holds(crm, rule, job)] == expected
        assert list(db.stream(Job, order_by=name, size=1)) == list(db.stream(Job, order_by=f"-{name}", size=1))
        assert measured(db, name) == {"n": 1, "total": getattr(small, name), "greatest": getattr(small, name)}
        assert dict(db.execute(sa.select(jobs.c.id, jobs.c[name])).all()) == {
            small.id: getattr(small, name), huge.id: None
        }  # fmt: skip


def holds(crm, rule, job):
    """Return whether *rule* holds for *job* in memory."""
    checked = check(Rule.parse(rule), FieldScope(crm.registry, crm.registry.entity(Job)))
    return checked.holds(Row({"minutes": job.minutes, "rest": job.rest}), Moment.at(crm.clock.now()))


@both_databases
@pytest.mark.parametrize("hidden", ["minutes", "hours"])
def test_hidden_computed_field_of_a_record_answers_as_none(make_crm, database, hidden):
    crm = make_crm(plugin("shop", entities=[Job, Visit]), database=database)
    people = People(crm)
    people.role("worker", [Grant("shop.job", ["read", "create", "update"], "all")], [Mask("shop.job", [hidden])])
    worker = people.user("Willa", team="Hall", roles=["worker"])

    with crm.write(worker) as db:
        made = db.create(Job())
        for job in (made, db.get(Job, made.id), *db.find(Job)):
            with pytest.raises(UnknownFieldError, match="shop.job has no field 'minutes'"):
                str(job.minutes)
            assert not hasattr(job, "minutes")
    with crm.system("test") as db:
        assert db.get(Job, made.id).minutes == 120
    assert Job().minutes == 120
