"""``crmkit worker --dispatch-only`` and ``--celery``, on a real Redis."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from crmkit import CRM
from crmkit.core.configuration.settings import load_settings
from tests.celery.brokers import Redis, running_brokers  # noqa: F401

HOOKS = """
    from crmkit import Job, hookimpl

    @hookimpl
    def crmkit_register_jobs():
        return [Job("gifts.give", lambda context, nothing: None)]
"""
CRMKIT = "import sys; from crmkit.cli import main; sys.exit(main())"
CELERY = "import sys; from celery.__main__ import main; sys.exit(main())"


@pytest.fixture
def gifts(project, foreign_plugin, enable, crmkit):
    foreign_plugin("gifts", hooks=HOOKS)
    enable("gifts")
    crmkit("db", "apply")
    crm = CRM(load_settings(None).config)
    yield crm
    crm.close()


@pytest.fixture
def broker(running_brokers):  # noqa: F811
    return running_brokers(Redis)


@contextmanager
def running(program, *arguments):
    """Have *program* run until the block ends; it must end well when it is told to."""
    command, path = [sys.executable, "-c", program, *arguments], os.pathsep.join(sys.path)
    with Path("said").open("ab") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env={**os.environ, "PYTHONPATH": path})
        try:
            yield
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, Path("said").read_text()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


WORKERS = [(CRMKIT, "worker", "--celery", "--threads", "1"), (CELERY, "-A", "crmkit.celery:app", "worker", "-c", "1")]


@pytest.mark.slow
@pytest.mark.parametrize("worker", WORKERS, ids=["crmkit", "celery"])
def test_one_process_sends_and_others_work(gifts, broker, worker, monkeypatch, tmp_path):
    secret = tmp_path / "broker"
    secret.write_text(f"{broker.url}\n")
    monkeypatch.setenv("CRM_CELERY_BROKER_FILE", str(secret))
    monkeypatch.setenv("CRM_CELERY_QUEUE", tmp_path.name[:100])
    with gifts.system("test") as db:
        job = db.enqueue("gifts.give")
    with running(CRMKIT, "worker", "--dispatch-only"), running(*worker):
        while not is_done(gifts, job):
            time.sleep(0.1)


def is_done(crm, job):
    table = crm.schema.system.job
    with crm.storage.reading() as connection:
        return connection.scalar(sa.select(table.c.state).where(table.c.id == job)) == "done"


def test_broker_must_be_configured(gifts, crmkit):
    for option in ("--dispatch-only", "--celery"):
        assert "celery.broker" in crmkit("worker", option, code=1).stderr
    assert crmkit("worker", "--dispatch-only", "--celery", code=2).stderr


def test_password_of_the_broker_is_not_shown(gifts, crmkit):
    shown = crmkit("config", "show", environ={"CRM_CELERY_BROKER": "amqp://crm:hunter2@host/"}).stdout
    assert "amqp://crm:" in shown
    assert "hunter2" not in shown


def test_extra_that_is_missing_is_named(gifts, crmkit, monkeypatch):
    monkeypatch.setitem(sys.modules, "celery", None)
    environ = {"CRM_CELERY_BROKER": "redis://127.0.0.1/0"}
    assert "crmkit[celery]" in crmkit("worker", "--until-idle", code=1, environ=environ).stderr
