"""``crmkit token``."""

from datetime import datetime

import pytest

from crmkit import CRM
from crmkit.auth import principal_of_token
from crmkit.core.configuration.settings import load_settings


@pytest.fixture
def vera(project, crmkit):
    return crmkit("user", "create", "Vera Roth", "--json").json


@pytest.mark.long
def test_token_is_shown_once_and_acts_within_its_scopes(vera, crmkit):
    made = crmkit("token", "create", "Vera Roth", "--scope", "core:read", "--expires", "30d", "--json").json
    crm = CRM(load_settings().config)

    principal = principal_of_token(crm, made["token"])
    crm.close()
    assert (principal.name, principal.scopes) == ("Vera Roth", {"core:read"})
    told = crmkit("token", "list").stdout
    assert made["prefix"] in told
    assert made["token"] not in told + crmkit("token", "list", "--json").stdout


@pytest.mark.parametrize(
    ("given", "days"), [("12h", 0.5), ("30d", 30), ("8w", 56), ("2126-01-01", None), ("2126-01-01T10:00+01:00", None)]
)
def test_token_expires_when_it_is_told_to(vera, crmkit, given, days):
    made = crmkit("token", "create", "Vera Roth", "--scope", "*:read", "--expires", given, "--json").json
    end = datetime.fromisoformat(made["expires_at"])

    if days is None:
        assert end.year in (2125, 2126)
    else:
        (row,) = crmkit("token", "list", "--json").json
        assert row["expires_at"] == made["expires_at"]
        assert abs((end - datetime.now(end.tzinfo)).total_seconds() / 86400 - days) < 0.01


@pytest.mark.parametrize("given", ["", "soon", "0d", "-3d", "30", "30y"])
def test_token_that_expires_at_no_time_is_refused(vera, crmkit, given):
    refused = crmkit("token", "create", "Vera Roth", "--scope", "*:read", "--expires", given, "--json", code=1)

    assert refused.error["code"] == "no-moment"


def test_person_makes_and_ends_their_own_tokens_alone(vera, crmkit):
    mine = crmkit("token", "create", "Vera Roth", "--scope", "*:read", "--as", "Vera Roth", "--json").json
    refused = crmkit("token", "create", "Ada Winter", "--scope", "*:read", "--as", "Vera Roth", "--json", code=1)
    assert refused.error["code"] == "forbidden"

    ended = crmkit("token", "end", mine["id"], "--as", "Vera Roth", "--json").json
    assert ended[0]["ended_at"]
    assert crmkit("token", "list", "--json").json == []
    assert [row["id"] for row in crmkit("token", "list", "--all", "--json").json] == [mine["id"]]


def test_service_account_is_a_user_that_says_so(project, crmkit):
    made = crmkit("user", "create", "Importer", "--service", "--json").json

    assert made["kind"] == "service"
    assert crmkit("token", "create", "Importer", "--scope", "core:write", "--json").json["user"] == "Importer"


def test_scope_of_no_plugin_is_refused_with_those_there_are(vera, crmkit):
    refused = crmkit("token", "create", "Vera Roth", "--scope", "sales:read", "--json", code=1).error

    assert refused["code"] == "unknown-scope"
    assert "core, custom" in refused["message"]
