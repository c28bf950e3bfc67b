"""``crmkit worker`` and ``crmkit jobs``, and what ``crmkit doctor`` says of them."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from urllib.request import urlopen

import pytest

from crmkit import CRM
from crmkit.core.configuration.settings import load_settings
from tests.celery.brokers import free_port

HOOKS = """
    import attrs
    from crmkit import Job, Trigger, Subscriber, hookimpl

    @attrs.frozen
    class Give:
        up: bool = False

    def give(context, give):
        if give.up:
            raise ValueError("a secret")

    @hookimpl
    def crmkit_register_jobs():
        return [Job("gifts.give", give, Give, tries=1)]

    @hookimpl
    def crmkit_register_subscribers():
        return [Subscriber("gifts.thank", Trigger("core.user"), lambda context, told: None)]
"""


@pytest.fixture
def gifts(project, foreign_plugin, enable, crmkit):
    foreign_plugin("gifts", hooks=HOOKS)
    enable("gifts")
    crmkit("db", "apply")
    crm = CRM(load_settings(None).config)
    yield crm
    crm.close()


def enqueue(crm, up=False):
    with crm.system("test") as db:
        return str(db.enqueue("gifts.give", sys.modules["acme_gifts.hooks"].Give(up=up)))


@pytest.mark.long
def test_jobs_are_listed_shown_cancelled_and_tried_again(gifts, crmkit):
    good, bad = enqueue(gifts), enqueue(gifts, up=True)
    assert {row["id"]: row["state"] for row in crmkit("jobs", "list", "--json").json} == {good: "ready", bad: "ready"}
    assert [row["state"] for row in crmkit("jobs", "cancel", good, "--json").json] == ["cancelled"]
    assert [row["state"] for row in crmkit("jobs", "retry", good, "--json").json] == ["ready"]
    crmkit("worker", "--until-idle")
    rows = {row["id"]: (row["state"], row["error"]) for row in crmkit("jobs", "list", "--json").json}
    rows = {id_: told for id_, told in rows.items() if told[0] != "scheduled"}
    assert rows == {good: ("done", None), bad: ("dead", "ValueError")}
    assert "a secret" in crmkit("jobs", "show", bad, "--json").json["details"]
    assert "1 / 1" in crmkit("jobs", "list", "--state", "dead").stdout
    assert [row["id"] for row in crmkit("jobs", "retry", "--state", "dead", "--json").json] == [bad]
    assert crmkit("jobs", "retry", code=2).stderr
    assert "[inapplicable-verb]" in crmkit("jobs", "cancel", good, code=1).stderr


def test_jobs_of_others_are_not_there_for_who_may_not_see_them(gifts, crmkit):
    crmkit("user", "create", "Ben")
    id_ = enqueue(gifts)
    assert crmkit("jobs", "list", "--as", "Ben", "--json").json == []
    assert "[not-found]" in crmkit("jobs", "show", id_, "--as", "Ben", code=1).stderr
    assert "[not-found]" in crmkit("jobs", "cancel", id_, "--as", "Ben", code=1).stderr


def doctor(crmkit):
    return [row for row in crmkit("doctor", "--json", code=None).json if row["check"] == "jobs"]


@pytest.mark.long
def test_doctor_tells_of_parked_work_of_open_circuits_and_of_work_that_nobody_does(gifts, crmkit):
    crmkit("worker", "--until-idle")
    assert [row["status"] for row in doctor(crmkit)] == ["ok"]
    for _n in range(5):
        enqueue(gifts, up=True)
    crmkit("worker", "--until-idle")
    said = " ".join(row["message"] for row in doctor(crmkit))
    assert "gifts failed 5 times in a row (ValueError)" in said
    assert "parked after too many failures: 5" in said
    table = gifts.schema.system.job
    enqueue(gifts)
    with gifts.storage.writing() as connection:
        early = gifts.clock.now() - timedelta(minutes=30)
        connection.execute(table.update().where(table.c.state == "ready").values(run_at=early))
    assert "work has been waiting for 30 minutes" in " ".join(row["message"] for row in doctor(crmkit))


def test_worker_ends_well_when_it_is_told_to_by_a_signal(gifts):
    path = os.pathsep.join(sys.path)
    program = "import sys; from crmkit.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "worker", "--threads", "1"]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path})
    assert "Working as" in worker.stdout.readline()
    enqueue(gifts)
    table = gifts.schema.system.job
    while True:
        with gifts.storage.reading() as connection:
            if connection.scalar(table.select().where(table.c.state == "done").with_only_columns(table.c.id)):
                break
    worker.send_signal(signal.SIGTERM)
    out, _err = worker.communicate(timeout=60)
    assert worker.returncode == 0
    assert "nothing is left half done" in out


def test_worker_tells_metrics_to_this_machine_and_logs_what_went_wrong_without_its_values(gifts):
    path = os.pathsep.join(sys.path)
    program = "import sys; from crmkit.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "worker", "--metrics", str(port := free_port())]
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    worker = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}, **piped)
    assert "Working as" in worker.stdout.readline()
    enqueue(gifts, up=True)

    def told():
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            return answer.read().decode()

    while "crmkit_dead_letters 1.0" not in (text := told()):
        time.sleep(0.1)
    worker.send_signal(signal.SIGTERM)
    _out, err = worker.communicate(timeout=60)

    assert "crmkit_workers 1.0" in text
    assert 'crmkit_work_failures_total{kind="job",name="gifts.give"} 1.0' in text
    (line,) = [line for line in map(json.loads, err.splitlines()) if line["level"] == "error"]
    assert line["event"] == "gifts.give failed, try 1 of 1"
    assert line["exception"].endswith("ValueError: a secret")
