"""Webhooks over HTTP: records like any other, made and changed by whoever may."""

import pytest

from crmkit.testing import People

ENDPOINTS = "/api/v1/webhooks/endpoints"


@pytest.fixture
def crm(make_crm, clock):
    return make_crm("webhooks", "sales", clock=clock)


@pytest.fixture
def dora(crm):
    return People(crm).user("Dora", roles=["webhooks.developer", "sales.agent", "core.member"])


@pytest.mark.long
def test_webhook_is_made_its_secret_is_changed_and_it_is_switched_off(api, dora):
    given = {"name": "Other", "url": "https://example.com/hook", "events": ["crm.sales.*"]}
    made = api("POST", ENDPOINTS, dora, json=given)
    assert made.status_code == 201, made.text
    first = made.json()["secret"]
    one, tag = f"{ENDPOINTS}/{made.json()['id']}", made.headers["etag"]
    merge = {"content-type": "application/merge-patch+json"}
    changed = api("PATCH", one, dora, headers={**merge, "if-match": tag}, json={"secret": None})
    assert changed.status_code == 200, changed.text
    assert changed.json()["old_secret"] == first != changed.json()["secret"]
    off = api("PATCH", one, dora, headers={**merge, "if-match": changed.headers["etag"]}, json={"is_active": False})
    assert off.json()["is_active"] is False
    assert [each["id"] for each in api("GET", ENDPOINTS, dora).json()["items"]] == [made.json()["id"]]


@pytest.mark.parametrize(
    ("values", "field"),
    [({"url": "https://127.0.0.1/"}, "url"), ({"events": ["crm.nothing.*"]}, "events"), ({"secret": "x"}, "secret")],
)
def test_webhook_that_makes_no_sense_is_a_problem_of_its_field(api, dora, values, field):
    given = {"name": "Other", "url": "https://example.com/hook", **values}
    refused = api("POST", ENDPOINTS, dora, json=given)
    assert refused.status_code == 422
    assert [each["field"] for each in refused.json()["errors"]] == [field]


def test_operator_gets_no_secret(api, crm, dora):
    made = api("POST", ENDPOINTS, dora, json={"name": "Other", "url": "https://example.com/hook"}).json()
    olga = People(crm).user("Olga", roles=["webhooks.operator"])
    seen = api("GET", f"{ENDPOINTS}/{made['id']}", olga).json()
    assert seen["name"] == "Other"
    assert not {"secret", "old_secret"} & seen.keys()


def test_messages_are_read_and_told_again_and_written_by_nobody(api, crm, dora):
    made = api("POST", ENDPOINTS, dora, json={"name": "Other", "url": "https://example.com/hook"}).json()
    assert api("GET", "/api/v1/webhooks/deliveries", dora).json()["items"] == []
    order = api("POST", "/api/v1/webhooks/replays", dora, json={"endpoint_id": made["id"]})
    assert order.status_code == 201, order.text
    given = {"endpoint_id": made["id"], "event": "x", "position": 1, "entity": "sales.deal", "record_id": made["id"]}
    forged = api("POST", "/api/v1/webhooks/deliveries", dora, json={**given, "happened_at": "2026-03-02T12:00:00Z"})
    assert forged.status_code in (403, 404)


def test_t06_secret_is_read_with_its_record_and_never_exported(api, crm, dora):
    root = People(crm).user("Root", roles=["core.administrator"])
    for who in (dora, root):
        made = api("POST", ENDPOINTS, who, json={"name": "Other", "url": "https://example.com/hook"}).json()
        assert api("GET", f"{ENDPOINTS}/{made['id']}", who).json()["secret"] == made["secret"]
        for kind in ("csv", "jsonl"):
            exported = api("GET", f"{ENDPOINTS}/export?format={kind}", who)
            assert exported.status_code == 200
            assert made["id"] in exported.text
            assert made["secret"] not in exported.text
        for path in (f"{ENDPOINTS}/export?fields=secret", "/api/v1/webhooks/deliveries/export?fields=endpoint.secret"):
            refused = api("GET", path, who)
            assert (refused.status_code, refused.json()["type"]) == (422, "urn:crmkit:problem:credential")
        job = api("POST", f"{ENDPOINTS}/exports", who, json={"fields": ["old_secret"]})
        assert job.status_code == 422
