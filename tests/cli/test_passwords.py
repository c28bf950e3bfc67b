"""``crmkit user set-password`` and ``invite``."""

import pytest

from crmkit import CRM
from crmkit.auth import Client, SignInRefusedError, sign_in, use_invitation
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


def test_password_that_is_refused_is_not_repeated(crm, crmkit):
    refused = crmkit("user", "set-password", "Ada Winter", "--json", input="hunter2\n", code=1)

    assert refused.error["code"] == "validation"
    assert "hunter2" not in refused.stderr


def test_invitation_sets_a_password(crm, crmkit):
    ticket = crmkit("user", "invite", "Ada Winter", "--json").json["ticket"]

    use_invitation(crm, ticket, PASSWORD)
    assert sign_in(crm, "Ada Winter", PASSWORD, Client())


def test_only_administrators_set_passwords_of_others(project, crmkit):
    crmkit("user", "create", "Ben")

    for command in ("set-password", "invite"):
        refused = crmkit("user", command, "Ada Winter", "--as", "Ben", "--json", input=PASSWORD, code=1)
        assert refused.error["code"] == "forbidden"
