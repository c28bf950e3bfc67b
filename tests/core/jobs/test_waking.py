"""Jobs that are woken: there is one of each, and nothing that it is woken for is lost."""

import threading
from datetime import timedelta

import pytest

from crmkit import Job, Schedule
from crmkit.core.jobs.errors import JobArgumentsError
from crmkit.testing import both_databases, play
from tests.core.jobs.watching import Weigh, post, rows, weighing


@pytest.fixture
def crm(make_crm, database, clock, diary):
    tidy = Job("post.tidy", diary.note)
    return make_crm(post(jobs=[tidy, weighing(diary)]), database=database, clock=clock)


def wake(crm, **more):
    with crm.system("test") as db:
        return db.wake("post.tidy", **more)


@both_databases
def test_job_that_waits_is_done_once_however_often_it_is_woken(crm, diary, make_worker):
    assert len({wake(crm), wake(crm), wake(crm)}) == 1
    worker = make_worker(crm)
    worker.run_until_idle()
    assert len(diary["post.tidy"]) == 1

    wake(crm)
    worker.run_until_idle()
    assert len(diary["post.tidy"]) == 2
    assert [(row.state, row.attempts) for row in rows(crm)] == [("done", 1)]


@both_databases
def test_job_is_done_at_the_earliest_time_for_which_it_was_woken(crm, diary, clock, make_worker):
    worker, now = make_worker(crm), clock.now()
    for hours in (3, 1, 2):
        wake(crm, run_at=now + timedelta(hours=hours))
    play(worker, timedelta(minutes=59))
    assert diary["post.tidy"] == []
    play(worker, timedelta(minutes=1))
    assert len(diary["post.tidy"]) == 1
    play(worker, timedelta(hours=5))
    assert len(diary["post.tidy"]) == 1


@both_databases
def test_job_that_is_woken_while_it_is_done_is_done_once_more(make_crm, database, clock, make_worker):
    began, may_end, done = threading.Event(), threading.Event(), []

    def tidy(context, _arguments):
        began.set()
        assert may_end.wait(5)
        done.append(context.attempt)

    crm = make_crm(post(jobs=[Job("post.tidy", tidy)]), database=database, clock=clock)
    worker = make_worker(crm)
    wake(crm)
    worker.step()
    assert began.wait(5)
    wake(crm, run_at=clock.now() + timedelta(hours=1))
    wake(crm)
    may_end.set()
    worker.run_until_idle()
    assert done == [1, 1]
    assert [row.state for row in rows(crm)] == ["done"]


def test_job_that_wakes_itself_is_done_again_when_it_says(make_crm, clock, make_worker):
    done = []

    def tidy(context, _arguments):
        done.append(context.now)
        with context.finish() as db:
            if len(done) < 20:
                db.wake("post.tidy", run_at=context.now + timedelta(minutes=1))

    crm = make_crm(post(jobs=[Job("post.tidy", tidy)]), clock=clock)
    wake(crm)
    play(make_worker(crm), timedelta(hours=1))
    assert len(done) == 20
    assert done[-1] - done[0] == timedelta(minutes=19)


def test_parked_job_begins_anew_when_it_is_woken(make_crm, clock, make_worker):
    done = []

    def tidy(context, _arguments):
        done.append(context.attempt)
        if len(done) < 3:
            raise ZeroDivisionError

    crm = make_crm(post(jobs=[Job("post.tidy", tidy, tries=1)]), clock=clock)
    worker = make_worker(crm)
    for _n in range(3):
        wake(crm)
        worker.run_until_idle()
    assert done == [1, 1, 1]
    assert [(row.state, row.error) for row in rows(crm)] == [("done", None)]


def test_job_that_takes_arguments_is_enqueued_and_not_woken(crm):
    with crm.system("test") as db, pytest.raises(JobArgumentsError, match="Weigh"):
        db.wake("post.weigh")


def test_job_done_aside_keeps_no_thread_from_other_work_and_ends_when_the_worker_does(make_crm, diary, make_worker):
    went_on = threading.Event()

    def linger(context, _arguments):
        while not context.is_stopping:
            went_on.set()

    crm = make_crm(post(jobs=[Job("post.linger", linger, aside=True), weighing(diary)]))
    worker = make_worker(crm, threads=1)
    with crm.system("test") as db:
        db.wake("post.linger")
        for name in "abc":
            db.enqueue("post.weigh", Weigh(name))
    while len(diary["post.weigh"]) < 3:
        worker.step(wait=0.1)
    assert went_on.is_set()
    worker.close()
    assert {row.state for row in rows(crm)} == {"done"}


def test_schedule_and_waking_do_not_stand_in_each_others_way(make_crm, clock, diary, make_worker):
    schedule = Schedule("post.tidy_daily", "0 0 * * *", "post.tidy")
    crm = make_crm(post(jobs=[Job("post.tidy", diary.note)], schedules=[schedule]), clock=clock)
    wake(crm)
    play(make_worker(crm), timedelta(days=1))
    assert len(diary["post.tidy"]) == 2
