"""A carrier is told which rows wait, and a worker does the one row that it is told; the rows are what counts."""

from datetime import timedelta

import pytest

from crmkit import Job, Schedule
from crmkit.core.jobs.carrying import Sender
from crmkit.testing import both_databases
from tests.core.jobs.watching import Parcel, Weigh, noting, post, rows, weighing

pytestmark = both_databases


class Van:
    """A carrier that keeps what it was given, unless it stands still."""

    def __init__(self):
        self.loads, self.stands_still = [], False

    def carry(self, ids):
        if not self.stands_still:
            self.loads.append(list(ids))
        return not self.stands_still

    def unload(self):
        loads, self.loads = self.loads, []
        return [id_ for load in loads for id_ in load]


def fail(_context, _weigh):
    raise RuntimeError


@pytest.fixture
def van():
    return Van()


@pytest.fixture
def crm(make_crm, database, clock, diary, van):
    jobs = [weighing(diary), Job("post.fail", fail, Weigh)]
    crm = make_crm(post(noting(diary), jobs=jobs), database=database, clock=clock)
    crm.carrier = van
    return crm


def enqueue(crm, name="post.weigh", **more):
    with crm.system("test") as db:
        return db.enqueue(name, Weigh("a"), **more)


def test_jobs_are_carried_once_they_are_committed_and_due(crm, clock, van):
    with crm.system("test") as db:
        now = db.enqueue("post.weigh", Weigh("a"), key="once")
        db.enqueue("post.weigh", Weigh("a"), key="once")
        db.enqueue("post.weigh", Weigh("b"), run_at=clock.now() + timedelta(hours=1))
        assert van.loads == []
    assert van.loads == [[now]]


def test_nothing_is_carried_of_what_is_rolled_back(crm, van):
    with pytest.raises(RuntimeError), crm.system("test") as db:
        db.enqueue("post.weigh", Weigh("a"))
        raise RuntimeError
    assert van.loads == []


def test_worker_does_the_one_that_it_is_told_and_no_second_time(crm, diary, make_worker):
    first, second = enqueue(crm), enqueue(crm)
    worker = make_worker(crm)
    assert worker.do(second)
    assert not worker.do(second)
    assert {row.id: row.state for row in rows(crm)} == {first: "ready", second: "done"}
    assert diary.times() == {"post.weigh": 1}


def test_worker_does_nothing_that_another_has_or_whose_time_has_not_come(crm, clock, diary, make_worker):
    later, taken = enqueue(crm, run_at=clock.now() + timedelta(hours=1)), enqueue(crm)
    with crm.storage.writing() as connection:
        assert crm.model.jobs.lease_one(connection, "another", clock.now(), ["post"], taken)
    worker = make_worker(crm)
    assert not worker.do(later)
    assert not worker.do(taken)
    assert diary.entries == []


def test_worker_whose_clock_is_a_little_behind_does_what_it_is_told(crm, clock, make_worker):
    job = enqueue(crm)
    clock.advance(seconds=-3)
    assert make_worker(crm).do(job)


def test_circuit_that_is_open_holds_single_work_as_well(crm, clock, diary, van, make_worker):
    worker = make_worker(crm)
    for _n in range(5):
        worker.do(enqueue(crm, "post.fail"))
    first, second = enqueue(crm), enqueue(crm)
    assert not worker.do(first)
    sender = Sender(crm, van)
    clock.advance(seconds=6)
    van.unload()
    sender.step()
    assert van.unload() == []
    clock.advance(minutes=2)
    sender.step()
    assert len(van.unload()) == 1
    assert worker.do(first)
    assert worker.do(second)


def test_sender_makes_deliveries_and_sends_them(crm, diary, van, make_worker):
    with crm.system("test") as db:
        db.move(db.create(Parcel(name="a")), "sent")
    sender = Sender(crm, van)
    while sender.step():
        pass
    (delivery,) = van.unload()
    assert make_worker(crm).do(delivery)
    assert diary.times() == {"post.note": 1}
    assert rows(crm) == []


def test_sender_sends_what_came_due_and_what_was_put_off(crm, clock, van, make_worker):
    later, bad = enqueue(crm, run_at=clock.now() + timedelta(minutes=5)), enqueue(crm, "post.fail")
    sender, worker = Sender(crm, van), make_worker(crm)
    van.unload()
    worker.do(bad)
    sender.step()
    assert van.unload() == []
    clock.advance(minutes=1)
    sender.step()
    assert van.unload() == [bad]
    worker.do(bad)
    clock.advance(minutes=4)
    sender.step()
    assert set(van.unload()) == {later, bad}


def test_sender_leaves_new_jobs_to_who_enqueued_them_for_a_moment(crm, clock, van):
    job, sender = enqueue(crm), Sender(crm, van)
    van.unload()
    sender.step()
    assert van.unload() == []
    clock.advance(seconds=6)
    sender.step()
    assert van.unload() == [job]


def test_what_nobody_leases_is_sent_again_ever_more_seldom(crm, clock, van):
    job, sender = enqueue(crm), Sender(crm, van)
    clock.advance(seconds=10)
    van.unload()
    sent = []
    for minute in range(200):
        while sender.step():
            pass
        sent += [minute for _one in van.unload()]
        clock.advance(minutes=1)
    assert sent == [0, 1, 3, 7, 15, 31, 63, 123, 183]
    assert rows(crm)[0].id == job


def test_what_the_carrier_did_not_take_is_sent_as_soon_as_it_takes_it(crm, clock, van):
    van.stands_still = True
    job, sender = enqueue(crm), Sender(crm, van)
    clock.advance(seconds=6)
    assert not sender.step()
    van.stands_still = False
    assert sender.step()
    assert van.unload() == [job]


def test_sender_takes_back_what_a_lost_worker_had(crm, clock, van):
    job = enqueue(crm)
    with crm.storage.writing() as connection:
        crm.model.jobs.lease_one(connection, "lost", clock.now(), ["post"], job)
    clock.advance(minutes=2)
    van.unload()
    Sender(crm, van).step()
    assert van.unload() == [job]


def test_no_more_is_on_the_way_than_serves_anybody(crm, clock, van):
    with crm.system("test") as db:
        for _n in range(600):
            db.enqueue("post.weigh", Weigh("a"))
    clock.advance(seconds=6)
    van.unload()
    sender = Sender(crm, van)
    while sender.step():
        pass
    assert len(van.unload()) == 500


def test_jobs_of_schedules_are_sent_at_once(make_crm, database, clock, diary, van):
    schedule = Schedule("post.hourly", "0 * * * *", "post.weigh", Weigh("a"))
    crm = make_crm(post(jobs=[weighing(diary)], schedules=[schedule]), database=database, clock=clock)
    sender = Sender(crm, van)
    while sender.step():
        pass
    clock.advance(minutes=61)
    while sender.step():
        pass
    assert len(van.unload()) == 1
