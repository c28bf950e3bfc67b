"""Jobs: enqueued with the writes they belong to, done at least once, tried again, parked, cancelled."""

import threading
from datetime import timedelta

import msgspec
import pytest

from crmkit import DeclarationError, Job, LeaseLostError
from crmkit.core.jobs.errors import JobArgumentsError, UnknownJobError
from crmkit.testing import both_databases
from tests.core.jobs.watching import Parcel, Weigh, noting, post, rows, weighing

pytestmark = both_databases


@pytest.fixture
def crm(make_crm, database, clock, diary):
    return make_crm(post(noting(diary), jobs=[weighing(diary)]), database=database, clock=clock)


def test_job_is_enqueued_with_the_writes_of_its_transaction_or_not_at_all(crm, diary, make_worker):
    worker = make_worker(crm)
    with pytest.raises(ZeroDivisionError), crm.system("test") as db:
        db.create(Parcel(name="lost"))
        db.enqueue("post.weigh", Weigh("lost"))
        raise ZeroDivisionError
    with crm.system("test") as db:
        db.create(Parcel(name="kept"))
        db.enqueue("post.weigh", Weigh("kept", times=2))
        with pytest.raises(ZeroDivisionError), db.attempt():
            db.enqueue("post.weigh", Weigh("undone"))
            raise ZeroDivisionError
    worker.run_until_idle()
    assert diary.entries == [("post.weigh", Weigh("kept", times=2))]


def test_same_key_is_enqueued_once(crm, diary, make_worker):
    ids = set()
    for name in ("first", "second"):
        with crm.system("test") as db:
            ids.add(db.enqueue("post.weigh", Weigh(name), key="parcel 1"))
        make_worker(crm).run_until_idle()
    assert len(ids) == 1
    assert diary["post.weigh"] == [Weigh("first")]


def test_job_waits_for_its_time(crm, diary, clock, make_worker):
    worker = make_worker(crm)
    with crm.system("test") as db:
        db.enqueue("post.weigh", Weigh("later"), run_at=clock.now() + timedelta(hours=2))
    worker.run_until_idle()
    assert diary.entries == []
    assert worker.next_due() == clock.now() + timedelta(hours=2)
    clock.advance(hours=2)
    worker.run_until_idle()
    assert diary["post.weigh"] == [Weigh("later")]


def test_what_is_more_urgent_is_done_first(make_crm, database, diary, make_worker):
    jobs = [weighing(diary, f"post.{priority}", priority=priority) for priority in ("low", "normal", "high")]
    crm = make_crm(post(jobs=jobs), database=database)
    with crm.system("test") as db:
        for job in jobs:
            db.enqueue(job, Weigh("it"))
    make_worker(crm, threads=1).run_until_idle()
    assert [name for name, _given in diary.entries] == ["post.high", "post.normal", "post.low"]


def test_what_no_job_takes_is_refused_when_it_is_enqueued(crm, clock):
    with crm.system("test") as db:
        with pytest.raises(UnknownJobError, match="There is no job 'post.fly'"):
            db.enqueue("post.fly")
        for wrong in (
            lambda: db.enqueue("post.weigh"),
            lambda: db.enqueue("post.weigh", {"parcel": "a"}),
            lambda: db.enqueue("post.weigh", Weigh("a"), key=""),
            lambda: db.enqueue("post.weigh", Weigh("a"), key="k" * 141),
            lambda: db.enqueue("post.weigh", Weigh("a"), key="\x00"),
            lambda: db.enqueue("post.weigh", Weigh("a"), run_at=clock.now().replace(tzinfo=None)),
        ):
            with pytest.raises(JobArgumentsError):
                wrong()
    assert rows(crm) == []


def test_arguments_that_fit_no_longer_are_parked_at_once(make_crm, database, diary, make_worker):
    crm = make_crm(post(jobs=[weighing(diary)]), database=database)
    with crm.system("test") as db:
        db.enqueue("post.weigh", Weigh("a"))
    with crm.storage.writing() as connection:
        table = crm.schema.system.job
        connection.execute(table.update().values(payload={"weight": 3}))
    make_worker(crm).run_until_idle()
    (parked,) = rows(crm)
    assert (parked.state, parked.error) == ("dead", "ValidationError")


def test_what_a_handler_cannot_read_is_no_fault_of_its_own_arguments(make_crm, database, make_worker):
    def read(_context, _arguments):
        msgspec.convert({"answer": "garbled"}, Weigh)

    crm = make_crm(post(jobs=[Job("post.read", read)]), database=database)
    with crm.system("test") as db:
        db.enqueue("post.read")
    make_worker(crm).run_until_idle()
    (row,) = rows(crm)
    assert (row.state, row.error) == ("ready", "ValidationError")


def test_failure_is_tried_again_later_and_later(make_crm, database, clock, make_worker):
    tried = []

    def fail(context, _arguments):
        tried.append((context.attempt, clock.now()))
        if len(tried) < 4:
            raise OSError("no answer")

    crm = make_crm(post(jobs=[Job("post.call", fail)]), database=database, clock=clock)
    worker, start = make_worker(crm), clock.now()
    with crm.system("test") as db:
        db.enqueue("post.call")
    while len(tried) < 4 and (due := worker.next_due()) is not None:
        clock.travel(max(due, clock.now()))
        worker.run_until_idle()
    waits = [(now - start).total_seconds() for _attempt, now in tried]
    assert [attempt for attempt, _now in tried] == [1, 2, 3, 4]
    for wait, expected in zip(waits, (0, 10, 30, 70), strict=True):
        assert expected * 0.8 <= wait <= expected * 1.2
    (done,) = rows(crm)
    assert (done.state, done.attempts, done.error) == ("done", 4, None)


def test_progress_is_shown_while_the_work_goes_on(make_crm, database, make_worker):
    seen = []

    def count(context, _arguments):
        context.progress(3, 10, "parcels")
        seen.append([row.progress for row in rows(crm)])

    crm = make_crm(post(jobs=[Job("post.count", count)]), database=database)
    with crm.system("test") as db:
        db.enqueue("post.count")
    make_worker(crm).run_until_idle()
    assert seen == [[{"done": 3, "total": 10, "note": "parcels"}]]


def test_what_finish_writes_is_written_exactly_once(make_crm, database, make_worker):
    def pack(context, _arguments):
        with context.finish() as db:
            db.create(Parcel(name=str(context.id)))
        with pytest.raises(LeaseLostError), context.write() as db:
            db.create(Parcel(name="too late"))

    crm = make_crm(post(jobs=[Job("post.pack", pack)]), database=database)
    with crm.system("test") as db:
        id_ = db.enqueue("post.pack")
    make_worker(crm).run_until_idle()
    (done,) = rows(crm)
    assert done.state == "done"
    with crm.system("look") as db:
        assert [parcel.name for parcel in db.find(Parcel)] == [str(id_)]


def test_job_acts_for_whoever_enqueued_it(make_crm, database, make_worker, diary):
    from crmkit.testing.people import People

    def who(context, _arguments):
        with context.write(context.principal) as db:
            db.create(Parcel(name="mine"))

    crm = make_crm(post(jobs=[Job("post.who", who)]), database=database)
    anna = People(crm).user("Anna", roles=["post.everything"])
    with crm.write(anna) as db:
        db.enqueue("post.who")
    make_worker(crm).run_until_idle()
    with crm.read(anna) as db:
        (parcel,) = db.find(Parcel)
    assert parcel.owner_id == anna.user_id


def test_job_that_was_done_is_forgotten_after_a_month_and_its_key_with_it(crm, clock, diary, make_worker):
    worker = make_worker(crm)
    for days, key in ((29, "a"), (2, "a"), (0, "b")):
        with crm.system("test") as db:
            db.enqueue("post.weigh", Weigh(key), key=key)
        worker.run_until_idle()
        clock.advance(days=days)
    assert diary["post.weigh"] == [Weigh("a"), Weigh("b")]
    assert [row.key for row in rows(crm) if row.name == "post.weigh"] == ["post.weigh:b"]


def test_two_workers_share_the_work_and_do_nothing_twice(crm, diary, make_worker):
    with crm.system("test") as db:
        for place in range(200):
            db.enqueue("post.weigh", Weigh(str(place)))
    workers = [make_worker(crm), make_worker(crm)]
    threads = [threading.Thread(target=worker.run_until_idle) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(int(given.parcel) for given in diary["post.weigh"]) == list(range(200))


def test_worker_leaves_alone_what_belongs_to_plugins_that_it_does_not_know(make_crm, database, diary, make_worker):
    crm = make_crm(post(jobs=[weighing(diary)]), database=database)
    with crm.system("test") as db:
        db.enqueue("post.weigh", Weigh("a"))
    other = make_crm(database=database).sibling(crm.config.database.url)
    make_worker(other).run_until_idle()
    other.close()
    (row,) = rows(crm)
    assert row.state == "ready"


@pytest.mark.parametrize("wrong", ["weigh", "Post.Weigh", "post.weigh.again"])
def test_id_of_a_job_is_that_of_its_plugin(wrong, database):
    with pytest.raises(DeclarationError):
        Job(wrong, print)
    with pytest.raises(DeclarationError):
        Job("post.weigh", print, tries=0)
