"""What whoever runs the server asks it: whether it lives, is ready, what it has counted; and what it logs."""

import io
import json
import logging
import threading

import pytest
import sqlalchemy as sa

from crmkit.core.configuration.config import Log
from crmkit.core.migrating.applied import APPLIED
from crmkit.observing.logs import logs_set_up
from crmkit.observing.watching import watch
from crmkit.rest.app import DOORS
from crmkit.rest.doors import Door
from crmkit.rest.replies import Reply
from crmkit.testing import People


@pytest.fixture
def crm(make_crm, clock):
    made = make_crm(clock=clock)
    watch(made)
    return made


@pytest.fixture
def people(crm):
    return People(crm)


@pytest.fixture
def lines():
    """Return the lines that are logged from now on."""
    stream = io.StringIO()
    with logs_set_up(Log("json"), stream=stream):
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_server_that_lives_says_so_to_anybody(api):
    answer = api("GET", "/health/live")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["cache-control"] == "no-store"


def test_server_lives_while_every_thread_is_busy(crm, make_api):
    begun, go_on = threading.Event(), threading.Event()

    def wait(_call):
        begun.set()
        assert go_on.wait(30)
        return Reply()

    busy = Door(name="busy", method="GET", path="/busy", policy="public", csrf="safe", handler=wait)
    api = make_api(crm, doors=(*DOORS, busy))
    number = crm.config.server.threads
    threads = [threading.Thread(target=api, args=("GET", "/busy")) for _n in range(number)]
    for thread in threads:
        thread.start()
    assert begun.wait(30)
    assert api("GET", "/health/live").status_code == 200
    go_on.set()
    for thread in threads:
        thread.join()


def test_server_is_ready_while_its_database_is_what_the_plugins_need(api):
    assert api("GET", "/health/ready").json() == {"status": "ok"}


def test_server_is_not_ready_before_its_database_is_migrated(crm, api, lines):
    with crm.storage.writing() as connection:
        connection.execute(sa.delete(APPLIED).where(APPLIED.c.revision.like("core%")))

    answer = api("GET", "/health/ready")

    assert (answer.status_code, answer.json(), answer.headers["retry-after"]) == (503, {"status": "unavailable"}, "5")
    assert "NotMigratedError" in next(line for line in lines() if line["event"] == "not ready")["exception"]


def test_server_is_not_ready_while_its_database_is_away(crm, api, monkeypatch):
    def away():
        raise sa.exc.OperationalError("SELECT 'a secret'", {}, Exception("away from db.internal"))

    monkeypatch.setattr(crm.storage, "reading", away)

    answer = api("GET", "/health/ready")

    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable"})


def test_metrics_are_for_whoever_may_read_operations(api, people):
    nobody, member = None, people.user("Mia")
    monitor = people.user("Prometheus", roles=["core.monitor"], member=False)
    administrator = people.user("Ada", roles=["core.administrator"])

    status = {each and each.name: api("GET", "/metrics", each).status_code for each in (nobody, member)}
    answers = [api("GET", "/metrics", each) for each in (monitor, administrator)]

    assert status == {None: 401, "Mia": 403}
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].headers["content-type"].startswith("text/plain; version=1.0.0")
    assert 'crmkit_requests_total{door="metrics",method="GET",status="401"} 1.0' in answers[1].text


def test_monitor_sees_nothing_else(api, people):
    monitor = people.user("Prometheus", roles=["core.monitor"], member=False)

    assert api("GET", "/api/v1/core/users", monitor).status_code == 404


def test_server_that_counts_nothing_has_no_metrics(make_crm, make_api):
    crm = make_crm()
    administrator = People(crm).user("Ada", roles=["core.administrator"])

    assert make_api(crm)("GET", "/metrics", administrator).status_code == 404


def test_each_request_is_one_line_without_what_was_asked_for(api, people, lines):
    administrator = people.user("Ada", roles=["core.administrator"])
    api("GET", "/api/v1/core/users?name=Snelling", administrator, headers={"x-request-id": "r-1"})

    (line,) = [line for line in lines() if line["event"] == "request"]

    assert (line["door"], line["method"], line["status"], line["request_id"]) == ("list", "GET", 200, "r-1")
    assert line["principal_id"] == str(administrator.user_id)
    assert line["duration_ms"] > 0
    assert "Snelling" not in json.dumps(lines())


def test_lines_of_a_request_name_it_and_the_trace_of_its_caller(crm, make_api, lines):
    def speak(_call):
        logging.getLogger("acme").warning("from inside")
        return Reply()

    spoken = Door(name="speak", method="GET", path="/speak", policy="public", csrf="safe", handler=speak)
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    sent = {"x-request-id": "r-2", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    answer = make_api(crm, doors=(*DOORS, spoken))("GET", "/speak", headers=sent)

    (line,) = [line for line in lines() if line["event"] == "from inside"]

    assert (line["request_id"], line["trace_id"], line["parent_id"]) == ("r-2", trace, "00f067aa0ba902b7")
    assert answer.headers["x-request-id"] == "r-2"


def test_request_that_breaks_is_counted_and_told_by_its_id(crm, make_api, people, lines):
    def break_(_call):
        raise ZeroDivisionError

    broken = Door(name="broken", method="GET", path="/broken", policy="public", csrf="safe", handler=break_)
    api = make_api(crm, doors=(*DOORS, broken))
    answer = api("GET", "/broken", headers={"x-request-id": "r-3"})
    metrics = api("GET", "/metrics", people.user("Ada", roles=["core.administrator"])).text

    assert answer.status_code == 500
    assert 'crmkit_requests_total{door="broken",method="GET",status="500"} 1.0' in metrics
    told = [line for line in lines() if line["request_id"] == "r-3"]
    assert [line["level"] for line in told] == ["error", "info"]
    assert "ZeroDivisionError" in told[0]["exception"]
