"""How much one may ask, and what becomes of requests that collide or are too many."""

import threading

import attrs
import pytest

from crmkit import Team
from crmkit.core.errors import DatabaseFullError, DatabaseUnreachableError, TryAgainError
from crmkit.rest.app import DOORS
from crmkit.rest.limits import RequestLimit
from crmkit.rest.replies import json_reply
from crmkit.testing import both_databases

ME, TEAMS = "/api/v1/me", "/api/v1/core/teams"


@pytest.fixture
def root(people):
    return people.user("Root", roles=["core.administrator"])


@pytest.fixture
def limited(crm, monkeypatch):
    """Let everybody ask three times in a minute."""
    server = attrs.evolve(crm.config.server, requests_per_minute=3)
    monkeypatch.setattr(crm, "config", attrs.evolve(crm.config, server=server))


def test_user_who_asks_too_often_is_told_when_to_ask_again_and_others_are_not(limited, api, root, people):
    other = people.user("Other")
    answers = [api("GET", ME, root) for _n in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["ratelimit"].partition(";t=")[0] for answer in answers] == [
        '"requests";r=2', '"requests";r=1', '"requests";r=0', '"requests";r=0'
    ]  # fmt: skip
    assert answers[0].headers["ratelimit-policy"] == '"requests";q=3;w=60'
    assert 0 < int(answers[3].headers["retry-after"]) <= 60
    assert answers[3].json()["type"] == "urn:crmkit:problem:too-many-requests"
    assert api("GET", ME, other).status_code == 200


def test_limit_begins_anew_every_minute_and_zero_is_none():
    now = [0.0]
    limit = RequestLimit(1, clock=lambda: now[0])
    refused = []
    for moment in (0, 59, 60, 61, 130):
        now[0] = float(moment)
        refused.append(limit.count(None)[1] is not None)
    assert refused == [False, True, False, True, False]
    assert RequestLimit(0).count(None) == ({}, None)


def door_that(work):
    (me,) = (door for door in DOORS if door.name == "get me")
    return attrs.evolve(me, handler=work)


def test_request_that_would_wait_too_long_is_sent_away(crm, make_api, root, monkeypatch):
    monkeypatch.setattr("crmkit.rest.surface._WAITING", 1)
    server = attrs.evolve(crm.config.server, threads=2)
    monkeypatch.setattr(crm, "config", attrs.evolve(crm.config, server=server))
    going, begun = threading.Event(), threading.Semaphore(0)

    def wait(call):
        begun.release()
        going.wait(60)
        return json_reply({})

    api, answers = make_api(crm, doors=[door_that(wait)]), []
    threads = [threading.Thread(target=lambda: answers.append(api("GET", ME, root))) for _n in range(2)]
    for thread in threads:
        thread.start()
    for _thread in threads:
        begun.acquire(timeout=60)
    refused = api("GET", ME, root)
    going.set()
    for thread in threads:
        thread.join()
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["type"] == "urn:crmkit:problem:overloaded"
    assert [answer.status_code for answer in answers] == [200, 200]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (TryAgainError(), 503, "try-again"),
        (DatabaseFullError(), 507, "database-full"),
        (DatabaseUnreachableError("could not connect to host db1 as user crm"), 503, "unavailable"),
    ],
)
def test_trouble_with_the_database_is_told_without_its_secrets(crm, make_api, root, error, status, code):
    def fail(call):
        raise error

    answer = make_api(crm, doors=[door_that(fail)])("GET", ME, root)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:crmkit:problem:{code}")
    assert "db1" not in answer.text
    assert ("retry-after" in answer.headers) == (status == 503)


@both_databases
def test_change_that_collides_is_made_anew_until_it_is_done(crm, make_api, root):
    tried = []

    def collide(call):
        def work(db):
            made = db.create(Team(name=f"Team {len(tried)}"))
            tried.append(made)
            if len(tried) < 4:
                raise TryAgainError
            return json_reply({"name": made.name})

        return call.write(work)

    api = make_api(crm, doors=[attrs.evolve(door_that(collide), method="POST", csrf="checked")])
    assert api("POST", ME, root, json={}).json() == {"name": "Team 3"}
    with crm.read(root) as db:
        assert [team.name for team in db.find(Team)] == ["Team 3"]


@both_databases
def test_f08_of_changes_at_once_none_is_lost(crm, api, root):
    team = api("POST", TEAMS, root, json={"name": "0"}).json()

    def add():
        for _n in range(5):
            while True:
                now = api("GET", f"{TEAMS}/{team['id']}", root)
                body, seen = {"name": str(int(now.json()["name"]) + 1)}, {"if-match": now.headers["etag"]}
                answer = api("PATCH", f"{TEAMS}/{team['id']}", root, headers=seen, json=body)
                assert answer.status_code in (200, 412), answer.text
                if answer.status_code == 200:
                    break

    threads = [threading.Thread(target=add) for _n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert api("GET", f"{TEAMS}/{team['id']}", root).json()["name"] == "20"
