"""A browser goes to a provider of OpenID Connect and comes back, all of it over HTTP."""

import os
from urllib.parse import quote

import httpx2
import pytest

from crmkit.auth import link_identity
from tests.auth.provider import CLIENT, SECRET, served
from tests.auth.test_next_page import ELSEWHERE
from tests.rest.sign_in.conftest import ORIGIN

BACK = f"{ORIGIN}/api/v1/sign-in/openid/callback"


@pytest.fixture
def op(crm, clock, anna, boss, configured, public, monkeypatch):
    # Authlib's server insists on https; this one is on the same machine.
    monkeypatch.setitem(os.environ, "AUTHLIB_INSECURE_TRANSPORT", "1")
    with served(BACK, clock) as provider:
        configured("openid", issuer=provider.issuer, client_id=CLIENT, client_secret=SECRET)
        with crm.write(boss) as db:
            link_identity(db, anna.user_id, provider.issuer, provider.subject)
        yield provider


def there_and_back(browser, path="/openid"):
    """Return the address to which the provider sends the browser back."""
    sent = browser("GET", path, status=303)
    assert sent.headers["cache-control"] == "no-store"
    place = httpx2.get(sent.headers["location"], follow_redirects=False).headers["location"]
    return place.removeprefix(ORIGIN)


def test_browser_comes_back_signed_in(make_browser, op, anna):
    browser = make_browser(ORIGIN)
    back = there_and_back(browser, "/openid?next=/deals")

    assert browser("GET", back, status=303).headers["location"] == "/deals"
    assert browser("GET", "/session").json()["user_id"] == str(anna.user_id)


@pytest.mark.parametrize("page", [quote(page) for page in ELSEWHERE if page] + ["%2F%2Fevil.example", "/%5Cevil"])
def test_t29_browser_never_goes_to_another_site(make_browser, op, page):
    browser = make_browser(ORIGIN)

    place = browser("GET", there_and_back(browser, f"/openid?next={page}"), status=303).headers["location"]
    assert place == "/"


def test_t28_provider_sends_back_to_the_configured_address(make_browser, op):
    browser = make_browser(ORIGIN)
    headers = {"x-forwarded-host": "evil.example", "x-forwarded-proto": "http"}

    sent = browser("GET", "/openid", status=303, headers=headers).headers["location"]
    assert httpx2.URL(sent).params["redirect_uri"] == BACK


def test_link_of_somebody_else_signs_nobody_in(make_browser, op):
    """An attacker who has signed in as themselves sends the last link to somebody else."""
    attacker, victim = make_browser(ORIGIN), make_browser(ORIGIN)
    link = there_and_back(attacker)

    victim("GET", link, status=410)
    there_and_back(victim)
    assert victim("GET", link, status=410).json()["type"] == "urn:crmkit:problem:ticket"
    victim("GET", "/session", status=401)


def test_nobody_known_to_the_provider_alone_gets_in(make_browser, op):
    op.subject = "somebody else"
    browser = make_browser(ORIGIN)

    assert browser("GET", there_and_back(browser), status=401).json()["type"] == "urn:crmkit:problem:sign-in-refused"


def test_provider_that_is_away_is_a_problem_of_its_own(make_browser, op, configured):
    configured("openid", issuer="http://127.0.0.1:1")

    assert make_browser(ORIGIN)("GET", "/openid", status=502).json()["type"] == "urn:crmkit:problem:provider"


@pytest.mark.parametrize("path", ["/openid", "/openid/callback"])
def test_without_a_provider_there_is_no_such_door(make_browser, path):
    assert make_browser()("GET", path, status=404).json()["type"] == "urn:crmkit:problem:not-found"
