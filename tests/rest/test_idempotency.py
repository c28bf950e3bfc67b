"""A request with an Idempotency-Key is done once and answered as often as it is sent."""

import threading

import attrs
import pytest
import sqlalchemy as sa

from crmkit import Team
from crmkit.rest.app import DOORS
from crmkit.rest.replies import json_reply
from crmkit.testing import both_databases

TEAMS = "/api/v1/core/teams"


@pytest.fixture
def root(people):
    return people.user("Root", roles=["core.administrator"])


def keyed(key, **more):
    return {"idempotency-key": key, **more}


def names(crm, principal):
    with crm.read(principal) as db:
        return sorted(team.name for team in db.find(Team))


@both_databases
def test_f17_request_that_is_sent_again_is_answered_with_the_same_bytes_and_done_once(crm, api, root):
    first = api("POST", TEAMS, root, headers=keyed("a"), json={"name": "North"})
    again = api("POST", TEAMS, root, headers=keyed("a"), json={"name": "North"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    for header in ("etag", "location", "content-type"):
        assert again.headers[header] == first.headers[header]
    assert again.headers["idempotency-replayed"] == "true"
    assert names(crm, root) == ["North"]


@both_databases
def test_f17_key_with_another_request_is_refused(crm, api, root):
    api("POST", TEAMS, root, headers=keyed("a"), json={"name": "North"})
    others = [
        api("POST", TEAMS, root, headers=keyed("a"), json={"name": "South"}),
        api("POST", f"{TEAMS}?x=1", root, headers=keyed("a"), json={"name": "North"}),
        api("POST", "/api/v1/core/users", root, headers=keyed("a"), json={"name": "North"}),
    ]
    assert [(each.status_code, each.json()["title"]) for each in others] == [(422, "Idempotency key reused")] * 3
    assert names(crm, root) == ["North"]


def test_f17_answers_belong_to_who_got_them(crm, api, root, people):
    other = people.user("Other", roles=["core.administrator"])
    mine = api("POST", TEAMS, root, headers=keyed("a"), json={"name": "North"})
    theirs = api("POST", TEAMS, other, headers=keyed("a"), json={"name": "South"})
    assert (theirs.status_code, theirs.json()["name"]) == (201, "South")
    assert mine.json()["id"] != theirs.json()["id"]


def test_f17_what_was_refused_is_not_kept(crm, api, root):
    assert api("POST", TEAMS, root, headers=keyed("a"), json={"name": ""}).status_code == 422
    assert api("POST", TEAMS, root, headers=keyed("a"), json={"name": "North"}).status_code == 201


@both_databases
def test_f17_crash_between_doing_and_answering_loses_nothing(crm, make_api, root):
    (create,) = (door for door in DOORS if door.name == "create")

    def crash(call):
        create.handler(call)
        raise RuntimeError("the machine is gone")

    broken = make_api(crm, doors=[attrs.evolve(create, handler=crash)])
    assert broken("POST", TEAMS, root, headers=keyed("a"), json={"name": "North"}).status_code == 500
    answer = make_api(crm)("POST", TEAMS, root, headers=keyed("a"), json={"name": "North"})
    assert (answer.status_code, answer.json()["name"]) == (201, "North")
    assert names(crm, root) == ["North"]


@both_databases
def test_f17_of_many_at_once_one_is_done_and_the_others_get_its_answer_or_are_told_to_wait(crm, api, root):
    answers = []

    def ask():
        answers.append(api("POST", TEAMS, root, headers=keyed("a"), json={"name": "North"}))

    threads = [threading.Thread(target=ask) for _n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert names(crm, root) == ["North"]


@pytest.mark.parametrize("database", [pytest.param("postgresql", marks=pytest.mark.postgresql)])
def test_f17_other_process_that_answers_the_same_request_first_wins(crm, make_api, root):
    """SQLite lets writers wait for each other; here they do the same at once until the first commits."""
    (create,) = (door for door in DOORS if door.name == "create")
    answer = crm.schema.system.answer
    theirs = {"user_id": root.user_id, "key": "a", "asked": b"x" * 32, "at": crm.clock.now(), "status": 201}

    def overtaken(call):
        def work(db):
            db.create(Team(name="Mine"))
            with crm.storage.writing() as other:
                other.execute(sa.insert(answer).values(**theirs, headers="{}", body="{}"))
            return json_reply({})

        return call.write(work)

    api = make_api(crm, doors=[attrs.evolve(create, handler=overtaken)])
    assert api("POST", TEAMS, root, headers=keyed("a"), json={}).status_code == 409
    assert names(crm, root) == []


def test_f17_key_is_free_again_after_a_day(crm, api, root, clock, worker):
    first = api("POST", TEAMS, root, headers=keyed("a"), json={"name": "North"})
    clock.advance(hours=23)
    assert api("POST", TEAMS, root, headers=keyed("a"), json={"name": "North"}).content == first.content
    clock.advance(hours=2)
    assert api("POST", TEAMS, root, headers=keyed("a"), json={"name": "South"}).status_code == 201
    assert names(crm, root) == ["North", "South"]
    clock.advance(days=2)
    with crm.system("test") as db:
        db.enqueue("core.forget_what_is_done")
    worker.run_until_idle()
    with crm.storage.reading() as connection:
        assert connection.execute(sa.select(crm.schema.system.answer)).all() == []


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 201, "ä"])
def test_key_that_is_none_is_refused(api, root, key):
    answer = api("POST", TEAMS, root, headers={"idempotency-key": key.encode("latin-1")}, json={"name": "North"})
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:crmkit:problem:query")


def test_changes_and_deletions_may_be_sent_again_too(crm, api, root):
    team = api("POST", TEAMS, root, json={"name": "North"}).json()
    path, seen = f"{TEAMS}/{team['id']}", {"if-match": '"1"'}
    first = api("PATCH", path, root, headers=keyed("a", **seen), json={"name": "South"})
    again = api("PATCH", path, root, headers=keyed("a", **seen), json={"name": "South"})
    assert (first.status_code, again.content) == (200, first.content)
    deleted = [api("DELETE", path, root, headers=keyed("b", **{"if-match": '"2"'})).status_code for _n in range(2)]
    assert deleted == [204, 204]
