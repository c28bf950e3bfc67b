"""Celery carries work over a real broker: the rows say what is to be done, whatever becomes of messages and workers."""

import os
import signal
import time
from collections import Counter

import pytest

from crmkit.celery import CeleryCarrier
from crmkit.celery.messages import make_app
from crmkit.core.jobs.carrying import Sender
from tests.celery.brokers import Foreign
from tests.celery.parcels import Ahead, celery_worker, parcels
from tests.core.jobs.watching import Parcel, Weigh, rows

SQLITE = pytest.param("sqlite", 1, id="sqlite")
POSTGRESQL = pytest.param("postgresql", 3, id="postgresql", marks=pytest.mark.postgresql)
both_databases = pytest.mark.parametrize(("database", "processes"), [SQLITE, POSTGRESQL])


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log"
    path.touch()
    return path


@pytest.fixture
def crm(make_crm, database, broker):
    crm = make_crm(parcels(), database=database, clock=Ahead(0))
    crm.carrier = CeleryCarrier(broker)
    return crm


def enqueue(crm, number, milliseconds=0, name="post.work"):
    with crm.system("test") as db:
        return [db.enqueue(name, Weigh(str(place), milliseconds)) for place in range(number)]


def wait_for(condition, meanwhile=lambda: None):
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline
        meanwhile()
        time.sleep(0.05)


def states(crm):
    return Counter(row.state for row in rows(crm))


def effects(crm):
    with crm.system("look") as db:
        return Counter(parcel.name for parcel in db.find(Parcel, 'notes == "effect"', limit=1000))


def once(number):
    return dict.fromkeys(map(str, range(number)), 1)


@pytest.mark.long
@both_databases
def test_jobs_are_done_once_as_soon_as_they_are_committed(crm, broker, log, processes):
    with celery_worker(crm, broker, log, processes=processes):
        enqueue(crm, 200)
        wait_for(lambda: states(crm) == {"done": 200})
    assert effects(crm) == once(200)
    assert Counter(log.read_text().split()) == once(200)
    assert {row.attempts for row in rows(crm)} == {1}


@pytest.mark.slow
@both_databases
def test_work_of_a_worker_that_was_killed_is_taken_back_and_takes_effect_once(crm, broker, log, processes):
    enqueue(crm, 40, milliseconds=30)
    with celery_worker(crm, broker, log, processes=processes) as worker:
        wait_for(lambda: len(log.read_text().split()) >= 10)
        os.killpg(worker.pid, signal.SIGKILL)
    assert states(crm)["running"] >= 1
    later = crm.sibling(crm.config.database.url, clock=Ahead(120))
    sender = Sender(later, crm.carrier)
    with celery_worker(crm, broker, log, processes=processes, ahead=120):
        wait_for(lambda: states(crm) == {"done": 40}, sender.step)
    later.close()
    assert effects(crm) == once(40)
    assert set(Counter(log.read_text().split())) == set(once(40))


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite"])
def test_messages_that_are_lost_with_their_broker_are_sent_again(crm, broker, log, server):
    enqueue(crm, 30)
    if isinstance(server, Foreign):
        make_app(broker).control.purge()
    else:
        server.stop()
        enqueue(crm, 1, name="post.work")
        server.start()
    sender = Sender(crm.sibling(crm.config.database.url, clock=Ahead(10)), CeleryCarrier(broker))
    with celery_worker(crm, broker, log):
        wait_for(lambda: set(states(crm)) == {"done"}, sender.step)
    assert set(effects(crm)) == set(once(30))
    assert {row.attempts for row in rows(crm)} == {1}


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite"])
def test_worker_outlives_its_broker(crm, broker, log, server):
    if isinstance(server, Foreign):
        pytest.skip("a broker of somebody else is not stopped")
    sender = Sender(crm, crm.carrier)
    with celery_worker(crm, broker, log):
        enqueue(crm, 5)
        wait_for(lambda: states(crm) == {"done": 5})
        server.stop()
        enqueue(crm, 5)
        server.start()
        wait_for(lambda: states(crm) == {"done": 10}, sender.step)
    assert effects(crm) == dict.fromkeys(once(5), 2)


@pytest.mark.long
@pytest.mark.parametrize("database", ["sqlite"])
def test_doubled_message_does_nothing(crm, broker, log):
    ids = enqueue(crm, 5, milliseconds=20)
    crm.carrier.carry(ids * 3)
    with celery_worker(crm, broker, log):
        wait_for(lambda: states(crm) == {"done": 5})
        crm.carrier.carry(ids)
        last = enqueue(crm, 1, milliseconds=0, name="post.work")
        wait_for(lambda: states(crm) == {"done": 6})
    assert len(last) == 1
    assert Counter(log.read_text().split()) == {**once(5), "0": 2}


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite"])
def test_failure_waits_in_its_row_and_is_sent_when_it_is_due(crm, broker, log):
    enqueue(crm, 1, name="post.fail")
    with celery_worker(crm, broker, log):
        wait_for(lambda: [row.attempts for row in rows(crm) if row.state == "ready"] == [1])
    assert rows(crm)[0].error == "RuntimeError"
    sender = Sender(crm.sibling(crm.config.database.url, clock=Ahead(20)), crm.carrier)
    with celery_worker(crm, broker, log, ahead=20):
        wait_for(lambda: states(crm) == {"dead": 1}, sender.step)
    assert rows(crm)[0].attempts == 2
