"""A form is what a page of any site may have a browser send: with a session it needs the token of that session."""

import attrs
import pytest
import sqlalchemy as sa

from crmkit.core.configuration.config import Files

ROOT = "/api/v1"
FORMS = {
    f"{ROOT}/uploads": [("file", ("people.csv", b"id,name\n1,Acme\n"))],
    f"{ROOT}/imports": [("plan", (None, "")), ("file", ("people.csv", b"id,name\n1,Acme\n"))],
}
# What a page of another site can have a browser send along; it cannot set a header of its own.
FOREIGN = [
    {},
    {"x-csrf-token": ""},
    {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
    {"origin": "null", "sec-fetch-site": "same-site"},
]


@pytest.fixture
def crm(make_crm, clock, database, tmp_path):
    made = make_crm(clock=clock, database=database)
    made.config = attrs.evolve(made.config, files=Files(str(tmp_path / "files")))
    return made


@pytest.mark.parametrize("address", FORMS)
@pytest.mark.parametrize("headers", FOREIGN)
def test_form_that_another_site_has_a_browser_send_is_refused_before_it_is_read(
    crm, browser, boss, passwords, tmp_path, address, headers
):
    browser.sign_in("Boss")
    # Neither is the token as a part of the form.
    form = [*FORMS[address], ("csrf_token", (None, browser.csrf)), ("x-csrf-token", (None, browser.csrf))]
    refused = browser("POST", address, status=403, csrf=False, headers=headers, files=form)
    assert refused.json()["type"] == "urn:crmkit:problem:site"
    with crm.storage.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(crm.schema.system.passing_file)) == 0
    assert not [path for path in (tmp_path / "files").rglob("*") if path.is_file()]


def test_form_with_the_token_of_its_session_is_taken(browser, boss, passwords):
    browser.sign_in("Boss")
    browser("POST", f"{ROOT}/uploads", status=201, files=FORMS[f"{ROOT}/uploads"])
    refused = browser("POST", f"{ROOT}/imports", status=422, files=FORMS[f"{ROOT}/imports"])
    assert refused.json()["type"] == "urn:crmkit:problem:import-plan"
