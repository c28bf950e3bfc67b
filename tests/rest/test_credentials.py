"""What proves who somebody is: over HTTP it is told where its own record is read or written, and nowhere else."""

from uuid import UUID

import pytest

from crmkit.rest.live.stream import told
from crmkit.testing import both_databases
from tests.core.test_credentials import PLANT, SECRET, TOKEN, Holder, Job

MACHINES, JOBS, OWNERS = "/api/v1/plant/machines", "/api/v1/plant/jobs", "/api/v1/plant/owners"


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm(PLANT, database=database, clock=clock)


@pytest.fixture
def ada(people):
    return people.user("Ada", roles=["core.administrator"])


@pytest.fixture
def holder(crm, ada):
    with crm.write(ada) as db:
        return db.create(Holder(name="Anna"))


@pytest.fixture
def machine(api, ada, holder):
    given = {
        "name": "Press", "holder_id": str(holder.id), "secret": SECRET, "at": "2026-03-02T12:00:00Z",
        "plant": {"token": TOKEN},
    }  # fmt: skip
    made = api("POST", MACHINES, ada, json=given)
    assert made.status_code == 201, made.text
    return made


def has_all(answer):
    assert answer.is_success, answer.text
    return SECRET in answer.text and TOKEN in answer.text


def has_none(answer):
    assert answer.is_success, answer.text
    return "Press" in answer.text and SECRET not in answer.text and TOKEN not in answer.text


@both_databases
def test_it_is_told_where_its_own_record_is_read_or_written(api, ada, machine):
    one = f"{MACHINES}/{machine.json()['id']}"
    seen = api("GET", one, ada)
    patch = {"content-type": "application/merge-patch+json", "if-match": seen.headers["etag"]}
    assert all(map(has_all, [machine, seen, api("PATCH", one, ada, headers=patch, json={"label": "old"})]))
    assert api("GET", f"{one}?fields=secret", ada).json() == {"id": machine.json()["id"], "secret": SECRET}


@both_databases
def test_lists_batches_search_and_what_stands_around_have_none(api, crm, ada, holder, machine):
    id_ = machine.json()["id"]
    with crm.write(ada) as db:
        db.create(Job(name="Mend", machine_id=UUID(id_)))
    batch = {"items": [{"op": "update", "id": id_, "values": {"label": "new", "secret": SECRET}}]}
    for method, path, body in (
        ("GET", MACHINES, None),
        ("GET", f"{MACHINES}/{id_}/overview", None),
        ("GET", f"{MACHINES}/{id_}/history", None),
        ("GET", f"{MACHINES}/{id_}/timeline", None),
        ("GET", f"{OWNERS}/{holder.id}/sections", None),
        ("GET", f"{OWNERS}/{holder.id}/timeline", None),
        ("GET", f"{OWNERS}/{holder.id}/overview", None),
        ("GET", f"{JOBS}?expand=machine", None),
        ("GET", "/api/v1/search?q=press", None),
        ("POST", "/api/v1/plant/verbs/machines", {}),
        ("POST", f"{MACHINES}/batch", batch),
        ("GET", f"{MACHINES}/export?format=csv", None),
        ("GET", f"{MACHINES}/export?format=jsonl", None),
    ):
        assert has_none(api(method, path, ada, json=body)), path
    changes = api("GET", f"{MACHINES}/{id_}/history", ada).json()["items"][0]["changes"]
    assert changes["secret"] == {"old": None, "new": "…"}


@both_databases
def test_whoever_names_it_elsewhere_is_told_where_it_is(api, ada, machine):
    for path in (
        f"{MACHINES}?fields=secret",
        f"{MACHINES}?fields=plant.token",
        f"{JOBS}?expand=machine&fields=machine.secret",
        f"{MACHINES}/export?fields=secret",
        f"{JOBS}/export?fields=machine.secret",
    ):
        refused = api("GET", path, ada)
        assert (refused.status_code, refused.json()["type"]) == (422, "urn:crmkit:problem:credential"), path
        assert "is told where its own record is read" in refused.json()["detail"]


def test_live_events_say_that_it_changed(crm, ada, machine):
    with crm.read(ada) as db:
        messages = b"".join(told(event) for event in db.events(after=0).events)
    assert b'"secret"' in messages
    assert SECRET.encode() not in messages
