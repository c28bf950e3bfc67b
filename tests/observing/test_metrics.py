"""Metrics and traces: what is counted, what the database says, and that nothing of any record is in either."""

import os
import re
import subprocess
import sys

import pytest
import sqlalchemy as sa

from crmkit import Job
from crmkit.core.jobs.heartbeat import Heartbeat, workers_seen
from crmkit.observing.watching import watch
from crmkit.testing import both_databases
from tests.core.jobs.watching import Parcel, ParcelSent, Weigh, noting, post

FAILS = Job("post.fail", lambda context, given: 1 / 0, Weigh, tries=1)


@pytest.fixture
def crm(make_crm, clock, database, diary):
    return make_crm(post(noting(diary), jobs=[FAILS]), clock=clock, database=database)


@pytest.fixture
def watching(crm):
    return watch(crm)


@pytest.fixture
def told(watching):
    """Return the value of a metric, with its labels in the order in which they are told."""

    def told(name):
        found = re.findall(rf"^{re.escape(name)} (\S+)$", watching.metrics.text().decode(), re.MULTILINE)
        return float(found[0]) if found else None

    return told


@both_databases
def test_transactions_and_work_are_counted_by_what_they_are(crm, told, make_worker):
    with crm.system("test") as db:
        db.move(db.create(Parcel(name="a")), "sent")
        db.enqueue(FAILS.id, Weigh("a"))
    make_worker(crm).run_until_idle()

    assert told('crmkit_transaction_seconds_count{kind="write"}') >= 1
    assert told('crmkit_work_seconds_count{kind="delivery",name="post.note"}') == 1
    assert told('crmkit_work_seconds_count{kind="job",name="post.fail"}') == 1
    assert told('crmkit_work_failures_total{kind="job",name="post.fail"}') == 1
    assert told('crmkit_work_failures_total{kind="delivery",name="post.note"}') is None


@both_databases
def test_what_waits_is_told_by_kind_and_state_and_for_how_long(crm, told, clock, make_worker):
    with crm.system("test") as db:
        db.enqueue(FAILS.id, Weigh("a"))
        db.enqueue(FAILS.id, Weigh("b"))
    clock.advance(minutes=2)

    assert told('crmkit_jobs{kind="job",state="ready"}') == 2
    assert told("crmkit_job_oldest_seconds") == 120
    assert told("crmkit_dead_letters") == 0

    make_worker(crm).run_until_idle()

    assert told('crmkit_jobs{kind="job",state="ready"}') is None
    assert told('crmkit_jobs{kind="job",state="dead"}') == told("crmkit_dead_letters") == 2
    assert told("crmkit_job_oldest_seconds") == 0


def test_writes_that_nobody_was_told_of_and_circuits_are_told(crm, told, clock, make_worker):
    before = told("crmkit_events_untold")
    with crm.system("test") as db:
        db.create_many([Parcel(name=str(n)) for n in range(3)])
        for n in range(5):
            db.enqueue(FAILS.id, Weigh(str(n)))

    assert told("crmkit_events_untold") >= before + 3

    make_worker(crm).run_until_idle()

    assert told("crmkit_events_untold") == 0
    assert told('crmkit_circuit_open{plugin="post"}') == 1


@both_databases
def test_worker_is_seen_while_it_is_at_work(crm, told, clock):
    assert (told("crmkit_workers"), told("crmkit_worker_seen_seconds")) == (0, -1)
    with Heartbeat(crm, "one", 4):
        clock.advance(seconds=50)
        with Heartbeat(crm, "two", 2):
            assert (told("crmkit_workers"), told("crmkit_worker_seen_seconds")) == (2, 0)
        assert (told("crmkit_workers"), told("crmkit_worker_seen_seconds")) == (1, 50)
        # It was killed, and says nothing any more.
        clock.advance(minutes=5)
        assert (told("crmkit_workers"), told("crmkit_worker_seen_seconds")) == (0, 350)
    assert told("crmkit_worker_seen_seconds") == -1


def test_worker_goes_on_beating_after_another_has_forgotten_it(crm, clock, monkeypatch):
    with Heartbeat(crm, "one", 4) as heart:
        clock.advance(days=2)
        with Heartbeat(crm, "two", 4), crm.storage.reading() as connection:
            assert [each.owner for each in workers_seen(connection, crm.schema, clock.now().replace(year=2000))] == [
                "two"
            ]
        monkeypatch.setattr("crmkit.core.jobs.heartbeat.monotonic", lambda: float("inf"))
        assert heart.beating(lambda: True)()
        with crm.storage.reading() as connection:
            (seen,) = workers_seen(connection, crm.schema, clock.now().replace(year=2000))
    assert (seen.owner, seen.seen_at) == ("one", clock.now())


def test_metrics_are_told_while_the_database_is_away(crm, told, monkeypatch):
    def away():
        raise sa.exc.OperationalError("SELECT 1", {}, Exception("away"))

    assert told("crmkit_database_up") == 1
    monkeypatch.setattr(crm.storage, "reading", away)
    assert told("crmkit_database_up") == 0
    assert told("crmkit_dead_letters") is None


def test_requests_are_counted_by_door_method_and_status(watching, told):
    watching.metrics.request("records.list", "GET", 200, 0.004)
    watching.metrics.request("records.list", "GET", 404, 0.004)

    assert told('crmkit_requests_total{door="records.list",method="GET",status="200"}') == 1
    assert told('crmkit_request_seconds_count{door="records.list"}') == 2
    assert told('crmkit_request_seconds_bucket{door="records.list",le="0.005"}') == 2


_PROCESS = """
import sys
from crmkit.core.configuration.config import Config, Database
from crmkit.core.crm import CRM
from crmkit.observing.metrics import Metrics
metrics = Metrics(CRM(Config(database=Database(sys.argv[1])), plugins=[]))
metrics.request("records.list", "GET", 200, 0.004)
metrics.streams.inc()
print(metrics.text().decode())
"""


@pytest.mark.slow
def test_processes_that_share_a_folder_are_told_as_one(tmp_path):
    (folder := tmp_path / "shared").mkdir()
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    url = f"sqlite:///{tmp_path}/crm.db"
    texts = [
        subprocess.run([sys.executable, "-c", _PROCESS, url], env=environ, capture_output=True, text=True, check=True)
        for _n in range(2)
    ]

    assert 'crmkit_requests_total{door="records.list",method="GET",status="200"} 2.0' in texts[1].stdout


@pytest.fixture
def spans(ended_spans):
    """Return the spans that ended since the test began, by name."""
    return lambda: {span.name: span for span in ended_spans()}


def test_spans_are_made_of_transactions_and_work_and_hang_together(spans, crm, make_worker):
    watch(crm)
    with crm.system("test") as db:
        db.move(db.create(Parcel(name="Snelling")), "sent")
        db.enqueue(FAILS.id, Weigh("Snelling"))
    make_worker(crm).run_until_idle()

    found = spans()

    assert found["transaction write"].attributes == {"crmkit.transaction": "write"}
    assert found["delivery post.note"].attributes == {"crmkit.work": "delivery", "crmkit.name": "post.note"}
    failed = found["job post.fail"]
    assert (failed.attributes["error.type"], failed.status.status_code.name) == ("ZeroDivisionError", "ERROR")
    assert failed.events == ()
    assert "Snelling" not in str([span.to_json() for span in found.values()])


def test_request_belongs_to_the_trace_that_its_caller_names(spans, crm):
    tracing = watch(crm).tracing
    caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with tracing.request("GET", {"traceparent": caller}) as span:
        with crm.system("test"):
            pass
        tracing.answered(span, "GET", "records.list", 503)

    request, transaction = spans()["GET records.list"], spans()["transaction write"]

    assert f"{request.context.trace_id:x}" == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert transaction.parent.span_id == request.context.span_id
    assert request.attributes["http.response.status_code"] == 503


def test_subscriber_is_told_as_before_while_nobody_watches(crm, make_worker, diary):
    with crm.system("test") as db:
        db.move(db.create(Parcel(name="a")), "sent")
    make_worker(crm).run_until_idle()

    assert [type(each) for each in diary["post.note"]] == [ParcelSent]
