"""P01 to P03: plugins whose subscribers raise, hang, and fail again and again."""

import threading
from datetime import timedelta

import pytest

from crmkit import Subscriber
from crmkit.testing import both_databases
from tests.core.jobs.watching import Parcel, ParcelSent, noting, plugin_beside, post, rows

pytestmark = both_databases


def send(crm, number=1):
    with crm.system("test") as db:
        parcels = db.create_many([Parcel(name=str(place)) for place in range(number)])
        db.move_many(parcels, "sent")


def endless(context, told):
    return endless(context, told)


def raising(error):
    def fail(context, told):
        raise error

    return fail


@pytest.mark.parametrize(
    "fail", [raising(ValueError("no")), raising(SystemExit(3)), endless], ids=["error", "exit", "recursion"]
)
def test_p01_subscriber_that_raises_anything_leaves_the_write_and_the_others_alone(
    make_crm, database, diary, make_worker, fail, caplog
):
    crm = make_crm(post(Subscriber("post.bad", ParcelSent, fail), noting(diary)), database=database)
    send(crm)
    make_worker(crm).run_until_idle()
    assert len(diary["post.note"]) == 1
    (failed,) = rows(crm)
    assert (failed.name, failed.state, failed.attempts) == ("post.bad", "ready", 1)
    assert [record.message for record in caplog.records] == ["post.bad failed, try 1 of 8"]


def test_p02_subscriber_that_hangs_is_left_alone_after_its_limit(make_crm, database, diary, make_worker):
    go_on, ended = threading.Event(), []

    def hang(context, told):
        assert go_on.wait(60)
        try:
            with context.write() as db:
                db.create(Parcel(name="too late"))
        except BaseException as error:
            ended.append(type(error).__name__)
            raise

    hanging = Subscriber("post.hang", ParcelSent, hang, time_limit=timedelta(milliseconds=50))
    crm = make_crm(post(hanging, noting(diary)), database=database)
    send(crm, 3)
    # One thread: those that hang hold up nobody.
    worker = make_worker(crm, threads=1)
    worker.run_until_idle()
    assert len(diary["post.note"]) == 3
    assert {(row.state, row.error) for row in rows(crm)} == {("ready", "time-limit")}
    go_on.set()
    for thread in threading.enumerate():
        if thread.name.startswith("crmkit-work") and len(ended) < 3:
            thread.join(5)
    assert ended == ["LeaseLostError"] * 3
    with crm.system("look") as db:
        assert db.count(Parcel) == 3


def test_p03_plugin_that_fails_five_times_in_a_row_rests_and_is_probed(
    make_crm, database, clock, diary, make_worker, caplog
):
    is_well, calls = [], []

    def fail(context, told):
        calls.append(told.position)
        if not is_well:
            raise ValueError("no")

    crm = make_crm(post(Subscriber("post.bad", ParcelSent, fail)), plugin_beside(diary), database=database, clock=clock)
    worker = make_worker(crm, threads=1)
    for _n in range(20):
        send(crm)
        worker.run_until_idle()
    assert len(calls) == 5
    assert len(diary["beside.note"]) == 20
    with crm.storage.reading() as connection:
        (circuit,) = worker.circuits(connection)
    assert (circuit.plugin, circuit.failures, circuit.opened_at) == ("post", 5, clock.now())
    assert any("post failed 5 times in a row (ValueError)" in record.message for record in caplog.records)

    # Half open: one at a time, each minute.
    clock.advance(seconds=61)
    worker.run_until_idle()
    assert len(calls) == 6
    is_well.append(True)
    clock.advance(seconds=61)
    worker.run_until_idle()
    assert set(range(2, 42, 2)) - set(calls[6:]) <= set(calls[:6])
    with crm.storage.reading() as connection:
        assert worker.circuits(connection) == []
