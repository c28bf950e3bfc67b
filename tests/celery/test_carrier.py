"""Sending work to Celery without a broker: what is missing is told, and no write fails for it."""

import logging
import sys

import pytest

from crmkit import ConfigurationError
from crmkit.celery import CeleryCarrier
from crmkit.celery.working import working_app
from crmkit.core.configuration.config import Broker
from crmkit.core.errors import MissingExtraError
from tests.celery.brokers import free_port
from tests.celery.parcels import parcels
from tests.core.jobs.watching import Weigh, rows


def test_broker_must_be_named():
    with pytest.raises(ConfigurationError, match="celery.broker"):
        CeleryCarrier(Broker())


@pytest.mark.parametrize("given", [{"broker": "sqla+sqlite:///jobs.db"}, {"queue": "two words"}, {"queue": ""}])
def test_broker_and_queue_must_be_such(given):
    with pytest.raises(ConfigurationError, match="celery"):
        Broker(**given)


def test_error_does_not_repeat_the_password():
    with pytest.raises(ConfigurationError) as caught:
        Broker("mongodb://user:hunter2@host/")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("make", [CeleryCarrier, lambda broker: working_app(broker, None)])
def test_extra_that_is_missing_is_named(make, monkeypatch):
    monkeypatch.setitem(sys.modules, "celery", None)
    with pytest.raises(MissingExtraError, match=r"crmkit\[celery\]"):
        make(Broker("redis://127.0.0.1/0"))


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_write_succeeds_without_the_broker_and_says_so_once(make_crm, caplog, scheme):
    crm = make_crm(parcels())
    crm.carrier = CeleryCarrier(Broker(f"{scheme}://127.0.0.1:{free_port()}/"))
    with caplog.at_level(logging.WARNING):
        for _n in range(3):
            with crm.system("test") as db:
                db.enqueue("post.work", Weigh("a"))
    assert len(rows(crm)) == 3
    assert len([record for record in caplog.records if record.name == "crmkit.celery.carrier"]) == 1
