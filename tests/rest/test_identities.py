"""Who asks is shown by an API token; what they may do then, readers and writers decide."""

from datetime import timedelta

import pytest
from litestar.testing import TestClient

from crmkit import User
from crmkit.auth import end_token, last_used, make_token
from crmkit.rest.app import build_app
from crmkit.testing import both_databases

USERS = "/api/v1/core/users"


@pytest.fixture
def api(crm):
    with TestClient(build_app(crm), base_url="http://127.0.0.1") as client:
        yield client


def token_of(crm, principal, *scopes):
    with crm.write(principal) as db:
        return make_token(db, "test", scopes=scopes or ["*:write"], expires_at=crm.clock.now() + timedelta(days=1))


def shown(token):
    return {"authorization": f"Bearer {token.text}"}


@both_databases
def test_token_shows_who_asks_until_it_is_ended(crm, api, people):
    root = people.user("Root", roles=["core.administrator"])
    token = token_of(crm, root)
    assert [user["name"] for user in api.get(USERS, headers=shown(token)).json()["items"]] == ["Root"]
    with crm.write(root) as db:
        end_token(db, token.token.id)
    assert api.get(USERS, headers=shown(token)).status_code == 401


@both_databases
def test_t26_token_of_a_user_who_was_deactivated_is_nothing_at_the_next_request(crm, api, people):
    root = people.user("Root", roles=["core.administrator"])
    token = token_of(crm, root)
    assert api.get(USERS, headers=shown(token)).status_code == 200
    with crm.system("test") as db:
        db.update(db.get(User, root.user_id), is_active=False)
    assert api.get(USERS, headers=shown(token)).status_code == 401


@both_databases
def test_token_that_has_expired_is_nothing(crm, api, people, clock):
    token = token_of(crm, people.user("Root", roles=["core.administrator"]))
    assert api.get(USERS, headers=shown(token)).status_code == 200
    clock.advance(hours=23, minutes=59, seconds=30)
    assert api.get(USERS, headers=shown(token)).status_code == 200
    clock.advance(seconds=30)
    assert api.get(USERS, headers=shown(token)).status_code == 401


@both_databases
@pytest.mark.parametrize("door", ["/api/v1/me", f"{USERS}/explain?verb=read", "/schema/openapi.json"])
def test_what_is_remembered_of_a_token_ends_with_it_at_every_door(crm, api, people, door):
    root = people.user("Root", roles=["core.administrator"])
    token, other = token_of(crm, root), token_of(crm, root)
    assert [api.get(door, headers=shown(token)).status_code for _n in range(2)] == [200, 200]
    with crm.write(root) as db:
        end_token(db, token.token.id)
    assert api.get(door, headers=shown(token)).status_code == 401
    assert api.get(door, headers=shown(other)).status_code == 200


def test_use_of_a_token_is_noted_though_it_is_remembered(crm, api, people, clock):
    root = people.user("Root", roles=["core.administrator"])
    token = token_of(crm, root)
    for _n in range(3):
        api.get(USERS, headers=shown(token))
        clock.advance(minutes=2)
    with crm.read(root) as db:
        assert last_used(db, [token.token])[token.token.id] == clock.now() - timedelta(minutes=2)


@pytest.mark.long
def test_token_does_not_go_beyond_its_scopes(crm, api, people):
    root = people.user("Root", roles=["core.administrator"])
    token = token_of(crm, root, "core:read")
    assert api.get(USERS, headers=shown(token)).status_code == 200
    assert api.post(USERS, headers=shown(token), json={"name": "New"}).status_code == 403


@pytest.mark.parametrize(
    "given", [None, "", "Bearer", "Bearer ", "Bearer x", "Basic eDp5", "bearer\u00e4", "Bearer " + "a" * 5000]
)
def test_what_is_no_token_is_answered_in_one_way(api, given):
    headers = {"x-request-id": "1"} | ({} if given is None else {"authorization": given.encode("latin-1")})
    answer, other = api.get(USERS, headers=headers), api.get("/api/v1/nosuch/things", headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.content == other.content
    assert answer.json()["type"] == "urn:crmkit:problem:not-signed-in"


def test_host_that_is_not_served_is_refused(api, crm, people):
    token = token_of(crm, people.user("Root", roles=["core.administrator"]))
    for host, status in (
        ("127.0.0.1", 200),
        ("localhost:8000", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
    ):
        assert api.get(USERS, headers={**shown(token), "host": host}).status_code == status


def test_id_of_a_request_is_echoed_and_kept_in_the_ledger(crm, api, people):
    token = token_of(crm, people.user("Root", roles=["core.administrator"]))
    answer = api.post(USERS, headers={**shown(token), "x-request-id": "shop-17.a:b"}, json={"name": "New"})
    assert answer.headers["x-request-id"] == "shop-17.a:b"
    ledger = crm.schema.system.ledger
    with crm.storage.reading() as connection:
        assert (
            "shop-17.a:b" in connection.execute(ledger.select().with_only_columns(ledger.c.request_id)).scalars().all()
        )
    odd = api.get(USERS, headers={**shown(token), "x-request-id": "a b"}).headers["x-request-id"]
    assert odd != "a b"
    assert len(odd) == 32
