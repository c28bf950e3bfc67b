import contextlib

import attrs
import pytest
from litestar.testing import TestClient

from crmkit.auth import set_password
from crmkit.rest.app import build_app

PASSWORD = "correct horse battery"
ROOT = "/api/v1/sign-in"
ORIGIN = "https://crm.example.org"


class Browser:
    """A browser at the HTTP API: it keeps cookies, and sends the token of its session along."""

    def __init__(self, crm, base_url):
        self.client = TestClient(build_app(crm), base_url=base_url)
        self.csrf = None

    def __call__(self, method, path, *, status=200, csrf=True, headers=None, **options):
        sent = {"x-csrf-token": self.csrf} if csrf and self.csrf else {}
        given = ROOT + path if not path.startswith("/api") else path
        answer = self.client.request(
            method, given, headers={**sent, **(headers or {})}, follow_redirects=False, **options
        )
        assert answer.status_code == status, answer.text
        if answer.headers.get("content-type", "").startswith("application/json") and "csrf_token" in answer.text:
            self.csrf = answer.json()["csrf_token"]
        return answer

    def sign_in(self, login="anna@example.org", password=PASSWORD):
        return self("POST", "", json={"login": login, "password": password}).json()

    @property
    def cookie(self):
        (value,) = [each.value for each in self.client.cookies.jar if "session" in each.name]
        return value


@pytest.fixture
def crm(make_crm, clock, database):
    return make_crm(clock=clock, database=database)


@pytest.fixture
def anna(crm, people):
    return people.user("Anna Snelling", email="anna@example.org")


@pytest.fixture
def boss(crm, people):
    return people.user("Boss", roles=["core.administrator"])


@pytest.fixture
def passwords(crm, anna, boss):
    with crm.system("test") as db:
        for who in (anna, boss):
            set_password(db, who.user_id, PASSWORD, least=12)


@pytest.fixture
def make_browser(crm, passwords):
    with contextlib.ExitStack() as stack:

        def make(base_url="http://127.0.0.1:8000"):
            browser = Browser(crm, base_url)
            stack.enter_context(browser.client)
            return browser

        yield make


@pytest.fixture
def browser(make_browser):
    return make_browser()


@pytest.fixture
def configured(crm):
    """Change what a section of the configuration says."""

    def configure(section, **values):
        changed = attrs.evolve(getattr(crm.config, section), **values)
        crm.config = attrs.evolve(crm.config, **{section: changed})

    return configure


@pytest.fixture
def public(configured):
    """Reach the server under its public address."""
    configured("server", public_origin=ORIGIN)
