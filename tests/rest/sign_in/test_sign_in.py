"""Signing in over HTTP: cookies, the token against other sites, second factors, sessions and tokens."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pyotp
import pytest

from crmkit import Assignment, User, new_id
from crmkit.auth import Client, invite
from crmkit.core.policy.people import GrantRecord, MaskRecord, RoleRecord
from crmkit.rest.sign_in.clients import client_of
from crmkit.testing import both_databases
from tests.rest.sign_in.conftest import ORIGIN, PASSWORD

USERS = "/api/v1/core/users"


@both_databases
def test_person_signs_in_reads_and_signs_out(browser, anna):
    browser("GET", USERS, status=401)
    told = browser.sign_in()
    assert (told["user_id"], told["user_name"]) == (str(anna.user_id), "Anna Snelling")
    assert told["second_factor"] == {"needed": False, "methods": []}

    assert browser("GET", USERS).json()["items"]
    assert browser("GET", "/session").json() == told
    browser("DELETE", "/session", status=204)
    browser("GET", USERS, status=401)


def test_methods_are_told_to_everybody(browser, configured):
    assert browser("GET", "/methods").json() == {
        "password": {"least_characters": 12},
        "passkey": True,
        "openid": None,
    }
    configured("openid", issuer="https://login.example.org", client_id="crm", label="Example")
    assert browser("GET", "/methods").json()["openid"] == "Example"


# Cookies.


def test_cookie_over_https_is_this_hosts_alone(make_browser, public):
    browser = make_browser(ORIGIN)
    answer = browser("POST", "", json={"login": "Boss", "password": PASSWORD})

    assert answer.headers["set-cookie"].startswith("__Host-crmkit_session=")
    assert answer.headers["set-cookie"].endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")
    assert answer.headers["cache-control"] == "no-store"
    browser("GET", "/session")


def test_cookie_on_this_machine_has_a_plain_name(browser):
    answer = browser("POST", "", json={"login": "Boss", "password": PASSWORD})

    assert answer.headers["set-cookie"].startswith("crmkit_session=")
    assert answer.headers["set-cookie"].endswith("; Path=/; HttpOnly; SameSite=Lax")


def test_cookie_that_is_there_twice_is_none(browser):
    browser.sign_in()
    mine = f"crmkit_session={browser.cookie}"

    for planted in (
        f"{mine}; crmkit_session=x",
        f"crmkit_session=x; {mine}",
        "crmkit_session",
        "crmkit_session=",
        ";;=",
    ):
        browser.client.cookies.clear()
        browser("GET", "/session", status=401, headers={"cookie": planted})
    browser("GET", "/session", headers={"cookie": f"a=b; {mine}"})


@both_databases
def test_t27_cookie_from_before_is_dead_after_signing_in(browser, clock):
    browser.sign_in()
    fixed = browser.cookie

    browser.sign_in()
    assert browser.cookie != fixed
    secret = begin_totp(browser, clock)
    half = browser.cookie
    clock.advance(minutes=1)
    browser.sign_in()
    waiting = browser.cookie
    browser("POST", "/totp/use", json={"code": secret.at(clock.now())})
    assert len({fixed, half, waiting, browser.cookie}) == 4
    with_it = {"cookie": f"crmkit_session={waiting}"}
    browser.client.cookies.clear()
    browser("GET", "/session", status=401, headers=with_it)


# Other sites.


def test_change_needs_the_token_of_the_session(browser, boss):
    browser.sign_in("Boss")

    for headers in ({}, {"x-csrf-token": ""}, {"x-csrf-token": "x" * 43}, {"x-csrf-token": "ü".encode()}):
        refused = browser("POST", USERS, status=403, csrf=False, headers=headers, json={"name": "Eve"})
        assert refused.json()["type"] == "urn:crmkit:problem:site"
        browser("DELETE", "/session", status=403, csrf=False, headers=headers)
    browser("POST", USERS, status=201, json={"name": "Eve"})


def test_token_of_another_session_is_none(make_browser, boss):
    one, other = make_browser(), make_browser()
    one.sign_in("Boss")
    other.csrf = one.csrf
    csrf = one.csrf
    other.sign_in("Boss")

    assert other.csrf != csrf
    other("POST", USERS, status=403, csrf=False, headers={"x-csrf-token": csrf}, json={"name": "Eve"})


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8001"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_other_site_signs_nobody_in(browser, headers):
    """Or somebody would write into an account that is an attacker's."""
    for path in ("", "/invitation", "/passkey", "/passkey/options"):
        browser("POST", path, status=403, headers=headers, json={"login": "Boss", "password": PASSWORD})
    browser(
        "POST", "", headers={"origin": "http://127.0.0.1:8000", "sec-fetch-site": "same-origin"}, json=_credentials()
    )


def _credentials():
    return {"login": "Boss", "password": PASSWORD}


# T28: what a request says of the host is never believed.


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "evil.example", "x-forwarded-host": "crm.example.org"},
        {"x-forwarded-host": "evil.example"},
        {"x-forwarded-host": "evil.example", "x-forwarded-proto": "http", "forwarded": "host=evil.example"},
        {"x-host": "evil.example", "x-original-host": "evil.example", "x-forwarded-server": "evil.example"},
        {"host": "crm.example.org@evil.example"},
        {"host": "crm.example.org:443.evil.example"},
    ],
)
def test_t28_links_are_under_the_configured_address(make_browser, public, boss, anna, headers):
    browser = make_browser(ORIGIN)
    browser.sign_in("Boss")
    answer = browser.client.post(
        f"/api/v1/sign-in/users/{anna.user_id}/invitation", headers={"x-csrf-token": browser.csrf, **headers}
    )

    assert "evil" not in answer.text
    if "host" in headers:
        assert answer.status_code == 421
    else:
        assert answer.json()["link"].startswith(f"{ORIGIN}/api/v1/sign-in/page#")


# Links that set a password.


@both_databases
def test_link_leads_to_a_page_and_its_ticket_sets_a_password(browser, make_browser, anna, boss):
    browser.sign_in("Boss")
    link = browser("POST", f"/users/{anna.user_id}/invitation", status=201).json()["link"]
    place, _hash, ticket = link.removeprefix("http://127.0.0.1:8000").partition("#")
    page = make_browser()("GET", place)

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "unsafe" not in page.headers["content-security-policy"]
    assert "At least 12 characters." in page.text
    other = make_browser()
    short = other("POST", "/invitation", status=422, json={"ticket": ticket, "password": "short"}).json()
    assert short["errors"][0]["problem"] == "too-short"
    other("POST", "/invitation", status=204, json={"ticket": ticket, "password": "eleven purple kettles"})
    other("POST", "/invitation", status=410, json={"ticket": ticket, "password": "eleven purple kettles"})
    other.sign_in(password="eleven purple kettles")


@both_databases
def test_t26_password_that_is_reset_ends_every_session_and_token_at_the_next_request(browser, make_browser, anna, boss):
    browser.sign_in()
    made = browser("POST", "/tokens", status=201, json=_token("core:read")).json()
    bearer = {"authorization": f"Bearer {made['token']}"}
    admin = make_browser()
    admin.sign_in("Boss")
    old = admin("POST", f"/users/{anna.user_id}/invitation", status=201).json()["link"].partition("#")[2]
    reset = admin("POST", f"/users/{anna.user_id}/password-reset", status=201)
    assert reset.headers["cache-control"] == "no-store"

    browser("GET", "/session", status=401)
    make_browser()("GET", USERS, status=401, headers=bearer)
    make_browser()("POST", "", status=401, json={"login": "anna@example.org", "password": PASSWORD})
    ticket = reset.json()["link"].partition("#")[2]
    given = {"ticket": ticket, "password": "eleven purple kettles"}
    make_browser()("POST", "/invitation", status=410, json={**given, "ticket": old})
    make_browser()("POST", "/invitation", status=204, json=given)
    make_browser().sign_in(password="eleven purple kettles")
    told = admin("GET", f"{USERS}/{anna.user_id}/history").json()["items"]
    assert [(entry["kind"], entry["by_id"], entry["changes"]) for entry in told[-3:]] == [
        ("invite", str(boss.user_id), {}),
        ("password_reset", str(boss.user_id), {}),
        ("password_set", None, {}),
    ]


@pytest.mark.parametrize("door", ["invitation", "password-reset"])
def test_only_administrators_invite(browser, anna, boss, door):
    browser.sign_in()

    browser("POST", f"/users/{boss.user_id}/{door}", status=403)
    browser("POST", f"/users/{anna.user_id}/{door}", status=403)
    browser("POST", f"/users/nobody/{door}", status=404)
    browser("GET", "/session")


# Passwords.


@both_databases
def test_t30_unknown_account_and_wrong_password_are_told_the_same_and_wait_the_same(browser, crm, people):
    people.user("Service", kind="service", email="service@example.org")
    people.user("Left", email="left@example.org", is_active=False)
    passing = ("x-request-id", "date")

    def told(login):
        answers = [
            browser.client.post("/api/v1/sign-in", json={"login": login, "password": "wrong"}) for _n in range(8)
        ]
        return [
            (each.status_code, {n: v for n, v in each.headers.items() if n not in passing}, each.content)
            for each in answers
        ]

    logins = ("anna@example.org", "nobody@example.org", "service@example.org", "left@example.org")
    first, *others = [told(login) for login in logins]
    assert [status for status, _headers, _body in first] == [401] * 5 + [429] * 3
    assert others == [first] * 3


def test_who_guesses_is_told_to_wait(browser):
    for _each in range(5):
        browser("POST", "", status=401, json={"login": "Boss", "password": "wrong"})

    refused = browser("POST", "", status=429, json=_credentials())
    assert refused.headers["retry-after"] == "1"


def test_address_that_a_stranger_claims_is_not_believed(browser, configured):
    configured("server", proxies=["10.0.0.0/8"])
    for place in range(31):
        headers = {"x-forwarded-for": f"198.51.100.{place}"}
        last = browser.client.post(
            "/api/v1/sign-in", json={"login": f"person{place}@example.org", "password": "x"}, headers=headers
        )
    assert last.status_code == 429


@pytest.mark.parametrize(
    ("peer", "told", "address"),
    [
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "nonsense", "nonsense"),
        ("", "198.51.100.7", ""),
    ],
)
def test_address_is_the_last_one_that_is_no_proxy(crm, configured, peer, told, address):
    configured("server", proxies=["10.0.0.0/8"])
    call = SimpleNamespace(crm=crm, peer=peer, headers={"x-forwarded-for": told, "user-agent": "Firefox"})

    assert client_of(call) == Client(address, "Firefox")


def test_own_password_is_changed_by_who_knows_it(browser, make_browser):
    other = make_browser()
    other.sign_in()
    browser.sign_in()
    change = {"password": PASSWORD, "new_password": "eleven purple kettles"}

    browser("POST", "/password", status=401, json={**change, "password": "wrong"})
    browser("POST", "/password", json=change)
    browser("GET", "/session")
    other("GET", "/session", status=401)


# Second factors.


def begin_totp(browser, clock):
    totp = pyotp.parse_uri(browser("POST", "/totp").json()["uri"])
    answer = browser("POST", "/totp/confirm", json={"code": totp.at(clock.now())})
    totp.recovery_codes = answer.json()["recovery_codes"]
    return totp


@both_databases
def test_second_factor_is_asked_for_before_anything_else(browser, make_browser, clock):
    browser.sign_in()
    totp = begin_totp(browser, clock)
    browser("GET", USERS)

    other = make_browser()
    clock.advance(seconds=30)
    assert other.sign_in()["second_factor"] == {"needed": True, "methods": ["totp", "recovery_code"]}
    refused = other("GET", USERS, status=401).json()
    assert (refused["type"], refused["methods"]) == (
        "urn:crmkit:problem:second-factor-needed",
        ["totp", "recovery_code"],
    )
    for path, method in (("/tokens", "GET"), ("/sessions", "GET"), ("/recovery-codes", "POST"), ("/totp", "DELETE")):
        other(method, path, status=401)
    other("POST", "/totp/use", status=401, json={"code": "000000"})
    other("POST", "/totp/use", json={"code": totp.at(clock.now())})
    other("GET", USERS)
    other("POST", "/totp", status=422)
    other("DELETE", "/totp", status=204)


def test_role_that_demands_a_second_factor_lets_nobody_in_but_to_set_one_up(browser, configured, clock):
    configured("auth", second_factor=["core.member"])
    assert browser.sign_in()["second_factor"] == {"needed": True, "methods": []}

    browser("GET", USERS, status=401)
    begin_totp(browser, clock)
    browser("GET", USERS)


def test_recovery_code_stands_in_once_and_new_ones_replace_all(browser, make_browser, clock):
    browser.sign_in()
    totp = begin_totp(browser, clock)
    first, second = totp.recovery_codes[:2]
    other = make_browser()
    other.sign_in()

    other("POST", "/recovery-codes/use", json={"code": first})
    other.sign_in()
    other("POST", "/recovery-codes/use", status=401, json={"code": first})
    browser("POST", "/recovery-codes")
    other("POST", "/recovery-codes/use", status=401, json={"code": second})


@both_databases
def test_t31_recovery_code_is_taken_once_of_twenty_at_once(browser, make_browser, clock):
    browser.sign_in()
    code = begin_totp(browser, clock).recovery_codes[0]
    others = [make_browser() for _each in range(4)]
    for other in others:
        other.sign_in()

    assert at_once(others, "/recovery-codes/use", {"code": code}).count(200) == 1


@both_databases
def test_t31_one_time_code_is_taken_once_of_twenty_at_once(browser, make_browser, clock):
    browser.sign_in()
    totp = begin_totp(browser, clock)
    clock.advance(minutes=1)
    others = [make_browser() for _each in range(4)]
    for other in others:
        other.sign_in()

    assert at_once(others, "/totp/use", {"code": totp.at(clock.now())}).count(200) == 1


@both_databases
def test_t31_link_sets_one_password_of_twenty_at_once(crm, make_browser, anna, boss):
    with crm.write(boss) as db:
        ticket = invite(db, anna.user_id).ticket
    passwords = [f"eleven purple kettles {n}" for n in range(20)]
    other = make_browser()

    def set_(password):
        given = {"ticket": ticket, "password": password}
        return other.client.post("/api/v1/sign-in/invitation", json=given).status_code

    with ThreadPoolExecutor(20) as threads:
        statuses = list(threads.map(set_, passwords))
    assert sorted(set(statuses)) in ([204, 410], [204, 410, 503])
    assert statuses.count(204) == 1
    other.sign_in(password=passwords[statuses.index(204)])


def at_once(browsers, path, given):
    """Return with which status each of twenty requests is answered that *browsers* make at once."""

    def ask(browser):
        headers = {"x-csrf-token": browser.csrf}
        return browser.client.post(f"/api/v1/sign-in{path}", json=given, headers=headers).status_code

    with ThreadPoolExecutor(20) as threads:
        statuses = list(threads.map(ask, browsers * 5))
    # Who has won has another session, of which the old token is none.
    assert set(statuses) <= {200, 401, 403, 429, 503}
    return statuses


# Sessions and tokens.


def test_t08_what_is_somebody_elses_is_answered_like_none(browser, make_browser, boss):
    other = make_browser()
    other.sign_in("Boss")
    token = other("POST", "/tokens", status=201, json=_token("core:read")).json()["id"]
    (session,) = [item["id"] for item in other("GET", "/sessions").json()["items"] if item["is_this_one"]]
    browser.sign_in()

    for path, id_ in (("/tokens", token), ("/sessions", session)):
        foreign, none = (browser("DELETE", f"{path}/{each}", status=404) for each in (id_, new_id()))
        assert foreign.content == none.content
    for path in ("/tokens", "/sessions"):
        assert not [item for item in browser("GET", path).json()["items"] if item["user_id"] == str(boss.user_id)]
    browser("DELETE", f"/passkeys/{new_id()}", status=404)
    assert other("GET", "/session").json()["user_id"] == str(boss.user_id)


def test_lists_of_what_no_grant_gives_are_empty(crm, browser, anna):
    browser.sign_in()
    with crm.system("test") as db:
        db.delete_many(db.find(Assignment, Assignment.f.user_id == anna.user_id))
    for path in ("/tokens", "/sessions", "/passkeys"):
        assert browser("GET", path).json() == {"items": []}


def test_session_is_listed_without_an_address_that_is_hidden(crm, browser, anna):
    browser.sign_in()
    with crm.system("test") as db:
        role = db.create(RoleRecord(name="guarded", label="Guarded"))
        db.create(GrantRecord(role_id=role.id, entity="core.session", verbs="read", scope="all"))
        db.create(MaskRecord(role_id=role.id, entity="core.session", field_name="address"))
        db.delete_many(db.find(Assignment, Assignment.f.user_id == anna.user_id))
        db.create(Assignment(user_id=anna.user_id, role="guarded"))
    (session,) = browser("GET", "/sessions").json()["items"]
    assert (session["address"], session["agent"], session["is_this_one"]) == (None, "testclient", True)


@both_databases
def test_sessions_are_listed_and_ended(browser, make_browser, anna, boss):
    browser.sign_in()
    other = make_browser()
    other.sign_in()
    items = browser("GET", "/sessions").json()["items"]
    assert sorted(item["is_this_one"] for item in items) == [False, True]

    (theirs,) = [item["id"] for item in items if not item["is_this_one"]]
    browser("DELETE", f"/sessions/{theirs}", status=204)
    other("GET", "/session", status=401)
    browser("DELETE", f"/sessions/{theirs}", status=422)
    admin = make_browser()
    admin.sign_in("Boss")
    (left,) = [i["id"] for i in admin("GET", "/sessions").json()["items"] if i["user_id"] == str(anna.user_id)]
    (mine,) = [i["id"] for i in admin("GET", "/sessions").json()["items"] if i["is_this_one"]]
    browser("DELETE", f"/sessions/{mine}", status=404)
    admin("DELETE", f"/sessions/{left}", status=204)
    browser("GET", "/session", status=401)


@both_databases
def test_t26_everything_is_dead_at_the_next_request_of_a_deactivated_user(crm, browser, anna):
    browser.sign_in()
    made = browser("POST", "/tokens", status=201, json=_token("core:read")).json()
    bearer = {"authorization": f"Bearer {made['token']}"}
    assert browser("GET", USERS, headers=bearer)
    with crm.system("test") as db:
        db.update(db.get(User, anna.user_id), is_active=False)

    browser("GET", USERS, status=401, headers=bearer)
    browser("GET", USERS, status=401)
    browser("GET", "/session", status=401)


def _token(*scopes, **more):
    return {"name": "Report", "scopes": list(scopes), "expires_at": "2027-01-01T00:00:00Z", **more}


def test_token_is_made_shown_once_listed_and_ended(browser):
    browser.sign_in()
    made = browser("POST", "/tokens", status=201, json=_token("core:read"))
    (item,) = browser("GET", "/tokens").json()["items"]

    assert made.headers["cache-control"] == "no-store"
    assert item == {name: value for name, value in made.json().items() if name != "token"}
    bearer = {"authorization": f"Bearer {made.json()['token']}"}
    browser.client.cookies.clear()
    browser("POST", "/tokens", status=401, headers=bearer, json=_token("core:read"))
    browser("DELETE", f"/tokens/{item['id']}", status=403, headers=bearer)
    browser.sign_in()
    browser("DELETE", f"/tokens/{item['id']}", status=204)
    browser("GET", USERS, status=401, headers=bearer)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (_token(), 422),
        (_token("nosuch:read"), 422),
        (_token("core:read", expires_at="2020-01-01T00:00:00Z"), 422),
        (_token("core:read", expires_at="2027-01-01T00:00:00"), 400),
        (_token("core:read", expires_at=None), 400),
        (_token("core:read", user_id="x"), 400),
        (_token("core:read", admin=True), 400),
        ({}, 400),
        ([], 400),
        (None, 400),
    ],
)
def test_token_that_makes_no_sense_is_refused(browser, given, status):
    browser.sign_in()

    browser("POST", "/tokens", status=status, json=given)
    assert browser("GET", "/tokens").json()["items"] == []


def test_token_and_invitation_are_made_once_for_a_key_and_their_secrets_told_once(browser, anna, boss):
    browser.sign_in("Boss")
    for path, given, secret in (
        ("/tokens", _token("core:read"), "token"),
        (f"/users/{anna.user_id}/invitation", None, "link"),
    ):
        key = {"idempotency-key": f"key-{secret}"}
        made = browser("POST", path, status=201, headers=key, json=given)
        again = browser("POST", path, status=201, headers=key, json=given)
        assert again.headers["idempotency-replayed"] == "true"
        assert again.json() == {name: value for name, value in made.json().items() if name != secret}
        assert secret in made.json()
    assert len(browser("GET", "/tokens").json()["items"]) == 1


def test_nothing_secret_is_kept_for_a_request_that_is_sent_again(crm, browser):
    import sqlalchemy as sa

    browser.sign_in()
    made = browser("POST", "/tokens", status=201, headers={"idempotency-key": "k1"}, json=_token("core:read")).json()

    with crm.storage.reading() as connection:
        tables = crm.schema.metadata.sorted_tables
        everything = "\n".join(repr(tuple(row)) for table in tables for row in connection.execute(sa.select(table)))
    assert made["token"] not in everything
    assert browser.cookie not in everything
