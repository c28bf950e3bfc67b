"""Messages of other programs over HTTP: the signature opens the door, and nothing else."""

import json
from uuid import uuid4

import pytest

from crmkit import sign_webhook
from crmkit.plugins.sales.entities import Lead
from crmkit.plugins.webhooks.entities import Source
from crmkit.testing import People


@pytest.fixture
def crm(make_crm, clock):
    return make_crm("webhooks", "sales", clock=clock)


@pytest.fixture
def dora(crm):
    return People(crm).user("Dora", roles=["webhooks.developer", "sales.agent"])


@pytest.fixture
def source(crm, dora):
    with crm.write(dora) as db:
        return db.create(Source(name="Website", hook="sales.web_leads"))


def test_signed_message_is_taken_and_done_by_a_worker(api, crm, clock, dora, source, make_worker):
    body = json.dumps({"name": "Anna"}).encode()
    headers = sign_webhook("msg_1", clock.now(), body, [source.secret])
    for _time in range(2):
        answer = api("POST", f"/inbound/{source.id}", content=body, headers=headers)
        assert (answer.status_code, answer.json()) == (202, {})
    make_worker(crm).run_until_idle()
    with crm.read(dora) as db:
        assert [(lead.name, lead.owner_id) for lead in db.find(Lead)] == [("Anna", dora.user_id)]


def test_message_that_is_not_signed_is_refused_the_same_way_wherever_it_is_sent(api, clock, source):
    body = b'{"name": "Anna"}'
    headers = sign_webhook("msg_1", clock.now(), body, [source.secret])
    answers = [
        api("POST", f"/inbound/{source.id}", content=body),
        api("POST", f"/inbound/{source.id}", content=body + b" ", headers=headers),
        api("POST", f"/inbound/{uuid4()}", content=body, headers=headers),
        api("POST", "/inbound/nowhere", content=body, headers=headers),
    ]
    problems = [{**answer.json(), "instance": None} for answer in answers]
    assert {answer.status_code for answer in answers} == {401}
    assert all(problem == problems[0] for problem in problems)
    assert problems[0]["type"] == "urn:crmkit:problem:signature"
    assert api("GET", f"/inbound/{source.id}").status_code == 405


def test_message_that_is_too_large_is_refused(api, source):
    answer = api("POST", f"/inbound/{source.id}", content=b"x" * 100_000_000)
    assert answer.status_code == 413
