"""A passkey in a real Chromium, against a real server: made, used to sign in, used as a second factor, removed."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from crmkit.cli.project import Project, make_project
from crmkit.core.configuration.config import Company
from tests.rest.serving import command, free_port, served
from tests.rest.sign_in.conftest import PASSWORD

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]

SCRIPT = """
const root = "/api/v1/sign-in";
let csrf = null;
const ask = async (method, path, body) => {
  const headers = {"content-type": "application/json", ...(csrf ? {"x-csrf-token": csrf} : {})};
  const answer = await fetch(root + path, {method, headers, body: body && JSON.stringify(body)});
  const told = answer.status === 204 ? {} : await answer.json();
  if (told.csrf_token) csrf = told.csrf_token;
  return {status: answer.status, ...told};
};
const make = async (name) => {
  const {options, ticket} = await ask("POST", "/passkeys/options");
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  const credential = (await navigator.credentials.create({publicKey})).toJSON();
  return ask("POST", "/passkeys", {ticket, credential, name});
};
const sign = async (path) => {
  const {options, ticket} = await ask("POST", "/passkey/options");
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  const credential = (await navigator.credentials.get({publicKey})).toJSON();
  return {sent: {ticket, credential}, ...await ask("POST", path, {ticket, credential})};
};
const login = () => ask("POST", "", {login: "Ada Winter", password: "correct horse battery"});
window.go = {ask, make, sign, login};
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("passkeys") / "acme"
    make_project(folder, Project(Company("Acme"), [], "Ada Winter", "ada@acme.example"))
    subprocess.run(
        [*command(), "user", "set-password", "Ada Winter"], cwd=folder, input=PASSWORD, text=True, check=True
    )
    return folder


@pytest.fixture(scope="module")
def server(project):
    # Passkeys are bound to the name of a host, which an address of numbers is not.
    port = free_port()
    with (project / "crm.toml").open("a") as file:
        file.write(f'\n[server]\npublic_origin = "http://localhost:{port}"\n')
    with served(project, port=port):
        yield f"http://localhost:{port}"


@pytest.fixture
def page(server):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        devtools = page.context.new_cdp_session(page)
        devtools.send("WebAuthn.enable")
        device = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        page.device = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": device})["authenticatorId"]
        page.devtools = devtools
        page.goto(f"{server}/api/v1/sign-in/methods")
        page.evaluate(SCRIPT)
        yield page
        browser.close()


def test_passkey_signs_in_without_a_password_and_as_a_second_factor(page, server):
    assert page.evaluate("go.login()")["second_factor"] == {"needed": False, "methods": []}
    made = page.evaluate("go.make('Laptop')")
    assert (made["status"], made["assurance"], len(made["recovery_codes"])) == (200, "multiple", 10)

    # Without a password.
    assert page.evaluate("go.ask('DELETE', '/session')")["status"] == 204
    assert page.evaluate("go.ask('GET', '/session')")["status"] == 401
    signed = page.evaluate("go.sign('/passkey')")
    assert (signed["status"], signed["user_name"], signed["assurance"]) == (200, "Ada Winter", "multiple")

    # What was signed once is not taken again, nor for another ticket.
    again = page.evaluate("(sent) => go.ask('POST', '/passkey', sent)", signed["sent"])
    assert again["status"] == 410
    ticket = page.evaluate("go.ask('POST', '/passkey/options')")["ticket"]
    other = page.evaluate("(sent) => go.ask('POST', '/passkey', sent)", {**signed["sent"], "ticket": ticket})
    assert other["status"] == 401

    # As a second factor.
    waiting = page.evaluate("go.login()")
    assert waiting["second_factor"] == {"needed": True, "methods": ["passkey", "recovery_code"]}
    assert page.evaluate("go.ask('GET', '/passkeys')")["status"] == 401
    assert page.evaluate("go.sign('/passkey/use')")["second_factor"]["needed"] is False
    (kept,) = page.evaluate("go.ask('GET', '/passkeys')")["items"]
    assert kept["name"] == "Laptop"

    # Not without its owner.
    page.devtools.send("WebAuthn.setUserVerified", {"authenticatorId": page.device, "isUserVerified": False})
    refused = page.evaluate("go.sign('/passkey').then((told) => told.status, (error) => error.name)")
    assert refused in (401, "NotAllowedError")
    page.devtools.send("WebAuthn.setUserVerified", {"authenticatorId": page.device, "isUserVerified": True})

    # Not once it was removed.
    assert page.evaluate(f"go.ask('DELETE', '/passkeys/{kept['id']}')")["status"] == 204
    assert page.evaluate("go.sign('/passkey')")["status"] == 401
    assert page.evaluate("go.login()")["second_factor"]["needed"] is False


def test_link_sets_a_password_on_its_page(page, project, server):
    made = subprocess.run(
        [*command(), "user", "create", "Ben", "--json"], cwd=project, capture_output=True, text=True, check=True
    )
    ben = json.loads(made.stdout)["id"]
    page.evaluate("go.login()")
    link = page.evaluate(f"go.ask('POST', '/users/{ben}/invitation')")["link"]
    assert link.startswith(f"{server}/")

    problems = []
    page.on("console", lambda message: problems.append(message.text) if "Content Security" in message.text else None)
    page.goto(link)
    page.fill("input", "aaaaaaaaaaaaaaaa")
    page.click("button")
    page.get_by_text("guessed first").wait_for()
    page.route("**/invitation", lambda route: route.abort())
    page.click("button")
    page.get_by_text("The server does not answer").wait_for()
    page.unroute("**/invitation")
    page.fill("input", "eleven purple kettles")
    page.click("button")
    page.locator("form").wait_for(state="hidden")
    assert page.url == link.partition("#")[0]
    assert problems == []
    page.evaluate(SCRIPT)
    assert page.evaluate("go.ask('POST', '', {login: 'Ben', password: 'eleven purple kettles'})")["status"] == 200
