"""T20: a URL that is given over HTTP leads no sender to this machine, whatever it looks like or becomes."""

import contextlib

import attrs
import pytest

from crmkit import CRM, Network
from crmkit.plugins.webhooks.tests.receivers import Receiver, Stubborn, hang
from crmkit.plugins.webhooks.tests.test_hostile_urls import names, urls
from crmkit.testing import People
from tests.rest.abuse.asking import ANY, DEALS

__all__ = ["names"]

ENDPOINTS, DELIVERIES = "/api/v1/webhooks/endpoints", "/api/v1/webhooks/deliveries"


@pytest.fixture
def crm(make_crm, clock):
    return make_crm("webhooks", "sales", clock=clock)


@pytest.fixture
def canary():
    """A server on this machine that nobody is to reach."""
    server = Stubborn(hang)
    yield server
    server.close()


def port_of(server):
    return int(server.url().rpartition(":")[2].partition("/")[0])


def developer(crm):
    return People(crm).user("Dora", roles=["webhooks.developer", "sales.agent"])


def test_t20_no_url_that_is_given_leads_to_this_machine(crm, api, make_worker, canary, names):
    dora, port, made = developer(crm), port_of(canary), 0
    first = api("POST", ENDPOINTS, dora, json={"name": "First", "url": "https://inside.example/"}).json()["id"]
    for url in urls(port):
        answer = api("POST", ENDPOINTS, dora, json={"name": "Other", "url": url})
        changed = api("PATCH", f"{ENDPOINTS}/{first}", dora, headers=ANY, json={"url": url})
        assert (answer.status_code, changed.status_code) in ((201, 200), (422, 422)), (url, answer.text)
        made += answer.status_code == 201
    # Only names are left, of which nobody knows yet what they mean.
    assert 0 < made < 10
    assert api("POST", DEALS, dora, json={"name": "Pilot"}).status_code == 201
    make_worker(crm).run_until_idle()
    found = api("GET", f"{DELIVERIES}?limit=200", dora).json()["items"]
    assert len(found) > made
    assert {each["state"] for each in found} == {"waiting"}
    assert canary.connections == 0


@pytest.fixture
def near(crm, clock):
    """The same CRM, which may reach this machine where it is told to."""
    config = attrs.evolve(crm.config, network=Network(["127.0.0.1/32"]))
    with contextlib.closing(CRM(config, plugins=crm.plugins, clock=clock)) as near:
        yield near


def test_t20_receiver_sends_nobody_on_to_this_machine(near, make_api, make_worker, canary):
    receiver = Receiver(lambda _message: (307, {"Location": f"http://127.0.0.1:{port_of(canary)}/"}, b""))
    dora, api = developer(near), make_api(near)
    assert api("POST", ENDPOINTS, dora, json={"name": "Other", "url": receiver.url()}).status_code == 201
    assert api("POST", DEALS, dora, json={"name": "Pilot"}).status_code == 201
    make_worker(near).run_until_idle()
    (told,) = api("GET", DELIVERIES, dora).json()["items"]
    assert (told["state"], told["status"], len(receiver.messages)) == ("waiting", 307, 1)
    assert canary.connections == 0
    receiver.close()
