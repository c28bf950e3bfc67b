"""What ``crmkit user`` does about what people sign in with."""

import pyotp
import pytest

from crmkit import CRM
from crmkit.auth import (
    Client,
    NotSignedInError,
    SignInRefusedError,
    begin_totp,
    confirm_totp,
    factors_of,
    find_session,
    principal_of_session,
    sign_in,
    use_invitation,
)
from crmkit.core.configuration.settings import load_settings

PASSWORD = "correct horse battery"


@pytest.fixture
def crm(project):
    crm = CRM(load_settings().config)
    yield crm
    crm.close()


def test_first_administrator_gets_a_password_on_the_command_line_and_had_none(crm, crmkit):
    with pytest.raises(SignInRefusedError):
        sign_in(crm, "Ada Winter", "", Client())

    told = crmkit("user", "set-password", "Ada Winter", input=f"{PASSWORD}\n")
    assert PASSWORD not in told.stdout + told.stderr
    assert sign_in(crm, "ada@acme.example", PASSWORD, Client())


@pytest.mark.long
def test_password_that_is_refused_is_not_repeated(crm, crmkit):
    refused = crmkit("user", "set-password", "Ada Winter", "--json", input="hunter2\n", code=1)

    assert refused.error["code"] == "validation"
    assert "hunter2" not in refused.stderr


def test_invitation_sets_a_password(crm, crmkit):
    ticket = crmkit("user", "invite", "Ada Winter", "--json").json["ticket"]

    use_invitation(crm, ticket, PASSWORD)
    assert sign_in(crm, "Ada Winter", PASSWORD, Client())


def test_invitation_says_where_and_until_when_it_can_be_used(project, crmkit):
    told = crmkit("user", "invite", "Ada Winter").stdout
    assert "http://127.0.0.1:8000/api/v1/sign-in/page#" in told
    assert "public_origin" in told

    with (project / "crm.toml").open("a") as file:
        file.write('\n[server]\npublic_origin = "https://crm.example.org"\n')
    made = crmkit("user", "invite", "Ada Winter", "--json").json
    assert made["link"] == f"https://crm.example.org/api/v1/sign-in/page#{made['ticket']}"
    assert made["expires_at"].endswith("Z")
    assert "public_origin" not in crmkit("user", "invite", "Ada Winter").stdout


def test_password_that_is_reset_is_forgotten_with_its_sessions_and_told_in_the_history(crm, crmkit):
    crmkit("user", "set-password", "Ada Winter", input=PASSWORD)
    cookie = sign_in(crm, "Ada Winter", PASSWORD, Client())
    made = crmkit("user", "reset-password", "Ada Winter", "--json").json

    with pytest.raises(NotSignedInError):
        find_session(crm, cookie)
    with pytest.raises(SignInRefusedError):
        sign_in(crm, "Ada Winter", PASSWORD, Client())
    use_invitation(crm, made["ticket"], "eleven purple kettles")
    assert sign_in(crm, "Ada Winter", "eleven purple kettles", Client())
    user = crmkit("user", "show", "Ada Winter", "--json").json["id"]
    kinds = [entry["kind"] for entry in crmkit("history", f"core.user/{user}", "--json").json]
    assert kinds[-3:] == ["password_set", "password_reset", "password_set"]
    crmkit("verify")


def test_only_administrators_set_passwords_of_others(project, crmkit):
    crmkit("user", "create", "Ben")

    for command in ("set-password", "invite", "reset-password", "reset-second-factor"):
        refused = crmkit("user", command, "Ada Winter", "--as", "Ben", "--json", input=PASSWORD, code=1)
        assert refused.error["code"] == "forbidden"


def test_sessions_of_a_person_are_ended(crm, crmkit):
    crmkit("user", "set-password", "Ada Winter", input=PASSWORD)
    cookies = [sign_in(crm, "Ada Winter", PASSWORD, Client()) for _each in range(2)]

    assert crmkit("user", "sign-out", "Ada Winter", "--json").json == {"user": "Ada Winter", "ended": 2}
    for cookie in cookies:
        with pytest.raises(NotSignedInError):
            find_session(crm, cookie)
    assert crmkit("user", "sign-out", "Ada Winter", "--json").json["ended"] == 0


def test_lost_second_factor_is_forgotten(crm, crmkit):
    crmkit("user", "set-password", "Ada Winter", input=PASSWORD)
    session = find_session(crm, sign_in(crm, "Ada Winter", PASSWORD, Client()))
    cookie, _codes = confirm_totp(crm, session, pyotp.parse_uri(begin_totp(crm, session)["uri"]).now())
    assert factors_of(crm, session.user_id).methods == ("totp", "recovery_code")

    crmkit("user", "reset-second-factor", "Ada Winter")
    assert factors_of(crm, session.user_id).methods == ()
    with pytest.raises(NotSignedInError):
        find_session(crm, cookie)
    principal_of_session(crm, sign_in(crm, "Ada Winter", PASSWORD, Client()))


def test_subject_of_the_provider_is_linked(project, crmkit):
    assert crmkit("user", "link", "Ada Winter", "42", "--json", code=1).error["code"] == "configuration"
    with (project / "crm.toml").open("a") as file:
        file.write('\n[openid]\nissuer = "https://login.example.org"\nclient_id = "crm"\n')

    made = crmkit("user", "link", "Ada Winter", "42", "--json").json
    assert (made["user"], made["issuer"], made["subject"]) == ("Ada Winter", "https://login.example.org", "42")
    assert crmkit("user", "link", "Ada Winter", "42", "--json", code=1).error["code"] == "conflict"
