"""A worker that runs until it is told to stop: it wakes by itself, finishes what it began and gives back the rest."""

import threading

import pytest
import sqlalchemy as sa

from crmkit import Job
from crmkit.core.jobs.waking import waker
from crmkit.testing import both_databases
from tests.core.jobs.watching import Parcel, Weigh, noting, post, rows

pytestmark = both_databases


@pytest.fixture
def running(make_worker):
    """Have a worker of a CRM run in a thread, and return what stops it."""
    threads, stop = [], threading.Event()

    def run(crm, **options):
        threads.append(threading.Thread(target=make_worker(crm, **options).run, args=(stop,)))
        threads[-1].start()
        return stop

    yield run
    stop.set()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def test_worker_that_waits_wakes_when_somebody_commits(make_crm, database, running):
    told = threading.Event()
    crm = make_crm(post(noting(Telling(told))), database=database)
    running(crm)
    with crm.system("test") as db:
        db.move(db.create(Parcel(name="a")), "sent")
    assert told.wait(30)


class Telling:
    """A diary that rings a bell."""

    def __init__(self, bell):
        self._bell = bell

    def note(self, _context, _given):
        self._bell.set()


def test_worker_that_is_told_to_stop_finishes_what_it_began_and_gives_back_the_rest(make_crm, database, running):
    begun, go_on = threading.Event(), threading.Event()

    def work(context, arguments):
        begun.set()
        assert go_on.wait(30)
        with context.finish() as db:
            db.create(Parcel(name=arguments.parcel))

    crm = make_crm(post(jobs=[Job("post.work", work, Weigh)]), database=database)
    with crm.system("test") as db:
        for place in range(5):
            db.enqueue("post.work", Weigh(str(place)))
    stop = running(crm, threads=1)
    assert begun.wait(30)
    stop.set()
    while {row.state for row in rows(crm)[1:]} != {"ready"}:
        assert rows(crm)[0].state == "running"
    go_on.set()
    while rows(crm)[0].state == "running":
        pass
    assert [(row.state, row.attempts) for row in rows(crm)] == [("done", 1), *[("ready", 0)] * 4]
    with crm.system("look") as db:
        assert [parcel.name for parcel in db.find(Parcel)] == ["0"]


def test_worker_that_has_nothing_to_do_asks_one_question(make_crm, database, make_worker):
    crm = make_crm(post(jobs=[Job("post.work", lambda context, arguments: None)]), database=database)
    worker = make_worker(crm)
    with crm.system("test") as db:
        db.enqueue("post.work")
    worker.run_until_idle()
    asked = []
    sa.event.listen(crm.storage.engine, "before_cursor_execute", lambda *seen: asked.append(seen[2]))
    assert not worker.step()
    assert len([statement for statement in asked if statement != "BEGIN"]) == 1


def test_sleeper_wakes_at_once_when_it_is_told_to_stop(make_crm, database):
    stop = threading.Event()
    stop.set()
    with waker(make_crm(post(), database=database).storage) as sleeper:
        sleeper.wait(stop)
