"""Who sees the lease table and may change it: it stands behind the wall as everything does."""

import threading

import pytest

from crmkit import (
    ForbiddenError,
    Grant,
    Job,
    LeaseLostError,
    Mask,
    NotFoundError,
    PluginError,
    Role,
    Subscriber,
    Trigger,
    new_id,
    translator,
)  # fmt: skip
from crmkit.core.errors import InapplicableVerbError
from crmkit.core.verifying import examine
from crmkit.testing import People, both_databases
from tests.core.jobs.watching import Parcel, Weigh, post, rows, weighing

_ = translator("tests")


def fail(_context, arguments):
    raise ValueError(f"the secret of {arguments.parcel}")


@pytest.fixture
def crm(make_crm, database, clock, diary):
    jobs = [weighing(diary), Job("post.fail", fail, Weigh, tries=1)]
    return make_crm(post(jobs=jobs), database=database, clock=clock)


@pytest.fixture
def enqueue(crm):
    def put(name="post.weigh", who=None, parcel="a"):
        with crm.system("test") if who is None else crm.write(who) as db:
            return db.enqueue(name, Weigh(parcel))

    return put


@both_databases
def test_only_who_is_granted_it_sees_what_others_enqueued(crm, people, enqueue):
    people.role("watch", [Grant("core.job", ["read"], "all")])
    watcher, stranger = people.user("Watcher", roles=["watch"]), people.user("Stranger")
    mine, other = enqueue(who=stranger), enqueue()
    with crm.read(watcher) as db:
        assert {job.id for job in db.jobs.find()} == {mine, other}
        assert db.jobs.count("ready") == 2
    with crm.read(stranger) as db:
        assert [job.id for job in db.jobs.find()] == [mine]
        assert db.jobs.count("ready") == 1
        told = []
        for id_ in (other, new_id()):
            with pytest.raises(NotFoundError) as caught:
                db.jobs.get(id_)
            told.append(str(caught.value).replace(str(id_), "ID"))
        assert told[0] == told[1]


@both_databases
def test_payload_and_error_are_for_those_who_may_read_everything(crm, people, enqueue, worker):
    people.role("watch", [Grant("core.job", ["read"], "all")])
    people.role("half", [Grant("*", ["read"], "all")], [Mask("post.parcel", ["notes"])])
    id_ = enqueue("post.fail")
    worker.run_until_idle()
    for role, sees in (("watch", False), ("half", False), ("core.administrator", True)):
        with crm.read(people.user(role, roles=[role])) as db:
            job = db.jobs.get(id_)
        assert (job.state, job.error, job.attempts, job.tries) == ("dead", "ValueError", 1, 1)
        assert (job.payload is not None, job.cause is not None, "secret" in (job.details or "")) == (sees,) * 3


@both_databases
def test_own_job_can_be_watched_and_cancelled_and_no_more(crm, people, enqueue, worker):
    anna = people.user("Anna")
    first, second = enqueue(who=anna), enqueue("post.fail", who=anna)
    with crm.write(anna) as db:
        assert db.jobs.cancel(first).state == "cancelled"
        with pytest.raises(ForbiddenError):
            db.jobs.retry(first)
    worker.run_until_idle()
    with crm.write(anna) as db:
        seen = db.jobs.get(second)
        assert (seen.state, seen.payload, seen.details) == ("dead", None, None)
        with pytest.raises(ForbiddenError):
            db.jobs.retry(second)


@both_databases
def test_what_ones_writes_have_others_do_is_not_ones_own(make_crm, database, clock, diary, make_worker):
    def fail(_context, _event):
        raise ValueError

    told = Subscriber("post.fail", Trigger("post.parcel", kinds=["create"]), fail, tries=1)
    crm = make_crm(post(told), database=database, clock=clock)
    people = People(crm)
    people.role("watch", [Grant("core.job", ["read"], "all"), Grant("post.parcel", ["read", "create"], "all")])
    watcher = people.user("Watcher", roles=["watch"])
    with crm.write(watcher) as db:
        db.create(Parcel(name="Books"))
    make_worker(crm).run_until_idle()
    with crm.write(watcher) as db:
        (delivery,) = db.jobs.find(state="dead")
        for change in (db.jobs.retry, db.jobs.cancel):
            with pytest.raises(ForbiddenError):
                change(delivery.id)


@both_databases
def test_who_may_only_read_jobs_changes_none(crm, people, enqueue):
    people.role("watch", [Grant("core.job", ["read"], "all")])
    id_ = enqueue()
    with crm.write(people.user("Watcher", roles=["watch"])) as db:
        for change in (db.jobs.retry, db.jobs.cancel):
            with pytest.raises(ForbiddenError):
                change(id_)
    (row,) = rows(crm)
    assert row.state == "ready"


@both_databases
def test_administrator_has_parked_work_done_again(crm, people, enqueue, diary, worker):
    boss = people.user("Boss", roles=["core.administrator"])
    id_ = enqueue("post.fail")
    worker.run_until_idle()
    with crm.write(boss) as db:
        again = db.jobs.retry(id_)
    assert (again.state, again.attempts) == ("ready", 0)
    worker.run_until_idle()
    (row,) = rows(crm)
    assert (row.state, row.attempts) == ("dead", 1)
    ledger = crm.schema.system.ledger
    with crm.storage.reading() as connection:
        found = connection.execute(ledger.select().where(ledger.c.entity == "core.job")).all()
    assert [(entry.kind, entry.record_id, entry.principal_id) for entry in found] == [("retry", id_, boss.user_id)]
    with crm.storage.reading() as connection:
        assert list(examine(crm.model, connection)) == []


@both_databases
def test_what_is_done_is_neither_retried_nor_cancelled(crm, people, enqueue, worker):
    boss = people.user("Boss", roles=["core.administrator"])
    id_ = enqueue()
    worker.run_until_idle()
    with crm.write(boss) as db:
        for change in (db.jobs.retry, db.jobs.cancel):
            with pytest.raises(InapplicableVerbError):
                change(id_)


@both_databases
def test_work_that_is_cancelled_while_it_runs_ends_at_its_next_sign_of_life(make_crm, database, make_worker):
    begun, go_on, ended = threading.Event(), threading.Event(), []

    def work(context, _arguments):
        begun.set()
        assert go_on.wait(30)
        try:
            context.progress(1)
        except LeaseLostError:
            ended.append("lost")
            raise

    crm = make_crm(post(jobs=[Job("post.long", work)]), database=database)
    worker = make_worker(crm)
    with crm.system("test") as db:
        id_ = db.enqueue("post.long")
    worker.step()
    assert begun.wait(30)
    with crm.system("test") as db:
        db.jobs.cancel(id_)
    go_on.set()
    worker.run_until_idle()
    assert ended == ["lost"]
    (row,) = rows(crm)
    assert (row.state, row.progress) == ("cancelled", None)


def test_grant_on_jobs_is_on_all_of_them(make_crm):
    with pytest.raises(PluginError, match="a grant on core.job has the scope 'all'"):
        make_crm(post(roles=[Role("post.watch", _("Watch"), [Grant("core.job", ["read"], "own")])]))
