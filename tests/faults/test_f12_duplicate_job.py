"""F12: the same job twice, and a live worker that was taken for dead. One effect."""

import threading

import pytest

from crmkit import Job, LeaseLostError
from crmkit.testing import both_databases
from tests.core.jobs.watching import Parcel, post, rows

pytestmark = both_databases


class Slow:
    """A job whose first run waits, as if its worker hung, until the test lets it go on."""

    def __init__(self):
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.runs, self.ended = 0, []

    def run(self, context, _arguments):
        self.runs += 1
        first = self.runs == 1
        try:
            if first:
                self.begun.set()
                assert self.go_on.wait(30)
            with context.finish() as db:
                db.create(Parcel(name="effect"))
        except BaseException as error:
            self.ended.append(type(error))
            raise
        else:
            self.ended.append(None)


@pytest.fixture
def slow():
    return Slow()


@pytest.fixture
def crm(make_crm, database, clock, slow):
    return make_crm(post(jobs=[Job("post.slow", slow.run)]), database=database, clock=clock)


def effects(crm):
    with crm.system("look") as db:
        return len(db.find(Parcel))


def test_f12_live_worker_that_was_rescued_has_no_second_effect(crm, clock, slow, make_worker):
    with crm.system("test") as db:
        db.enqueue("post.slow")
    alive, rescuer = make_worker(crm), make_worker(crm)
    alive.step()
    assert slow.begun.wait(30)
    clock.advance(minutes=2)
    rescuer.run_until_idle()
    slow.go_on.set()
    alive.run_until_idle()

    assert slow.ended == [None, LeaseLostError]
    assert effects(crm) == 1
    (row,) = rows(crm)
    assert (row.state, row.attempts) == ("done", 1)


def test_f12_worker_that_shows_signs_of_life_keeps_what_it_has(crm, clock, slow, make_worker):
    with crm.system("test") as db:
        db.enqueue("post.slow")
    alive, other = make_worker(crm), make_worker(crm)
    alive.step()
    assert slow.begun.wait(30)
    for _n in range(10):
        clock.advance(seconds=30)
        alive.step()
        other.run_until_idle()
    slow.go_on.set()
    alive.run_until_idle()
    assert slow.ended == [None]
    assert effects(crm) == 1


def test_f12_same_job_enqueued_by_two_at_once_has_one_effect(crm, clock, slow, make_worker):
    slow.go_on.set()
    barrier, ids = threading.Barrier(2), set()

    def ask():
        barrier.wait(30)
        with crm.system("test") as db:
            ids.add(db.enqueue("post.slow", key="the same"))

    threads = [threading.Thread(target=ask) for _n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    make_worker(crm).run_until_idle()
    assert len(ids) == 1
    assert effects(crm) == 1


def test_f12_work_that_kills_its_worker_is_parked_and_takes_nobody_along(crm, clock, make_worker, slow):
    """Workers that die are played by leases that nobody shows signs of life for."""
    with crm.system("test") as db:
        deadly = db.enqueue("post.slow")
        for _n in range(5):
            db.enqueue("post.slow")
    slow.go_on.set()
    store, plugins = crm.model.jobs, ["post"]
    with crm.storage.writing() as connection:
        assert len(store.lease(connection, "killed", clock.now(), plugins, 16)) == 6
    while any(row.state in ("ready", "running") for row in rows(crm)):
        clock.advance(minutes=2)
        with crm.storage.writing() as connection:
            store.reclaim(connection, clock.now())
            assert store.lease(connection, "careless", clock.now(), plugins, 16) == []
            for lease in store.lease(connection, "careful", clock.now(), plugins, 1, suspect=True):
                if lease.id != deadly:
                    store.finish(connection, lease, clock.now())
    states = {row.id: (row.state, row.attempts, row.error) for row in rows(crm)}
    assert states.pop(deadly) == ("dead", 8, "worker-lost")
    assert set(states.values()) == {("done", 1, None)}
