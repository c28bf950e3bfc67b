"""Roles that are given over HTTP, one at a time, in a batch and from a file."""

import pytest

from crmkit.testing import both_databases

ASSIGNMENTS = "/api/v1/core/assignments"


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm("sales", database=database, clock=clock)


@both_databases
def test_role_that_there_is_not_is_a_problem_of_its_field(api, crm, people):
    ada, otto = people.user("Ada", roles=["core.administrator"]), people.user("Otto")
    given = {"user_id": str(otto.user_id), "role": "sales.agnet"}
    refused = api("POST", ASSIGNMENTS, ada, json=given)
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:crmkit:problem:validation")
    (error,) = refused.json()["errors"]
    assert (error["field"], error["problem"]) == ("role", "unknown")
    assert error["message"].startswith("there is no role 'sales.agnet'; there are ")
    assert "sales.agent" in error["message"]
    made = api("POST", ASSIGNMENTS, ada, json={**given, "role": "sales.agent"})
    assert made.status_code == 201
    one, seen = f"{ASSIGNMENTS}/{made.json()['id']}", {"if-match": made.headers["etag"]}
    patch = {**seen, "content-type": "application/merge-patch+json"}
    assert api("PATCH", one, ada, headers=patch, json={"role": "sales.agnet"}).status_code == 422
    items = [{"op": "create", "values": {**given, "role": role}} for role in ("sales.manager", "sales.agnet")]
    done = api("POST", f"{ASSIGNMENTS}/batch", ada, json={"mode": "each", "items": items}).json()
    assert [each["status"] for each in done["results"]] == [201, 422]
