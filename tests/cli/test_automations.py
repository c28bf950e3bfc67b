"""``crmkit automation``: from a file to what it would do, what it did, and back."""

import json

import pytest

from crmkit import CRM
from crmkit.core.configuration.settings import load_settings
from crmkit.plugins.sales.entities import Lead

CALLS = """
name = "custom.call_new_leads"
entity = "sales.lead"
condition = 'source == "web"'
trigger = { on = "write", kinds = ["create"] }

[[actions]]
do = "assign"
to = { by = "round_robin", users = ["Ada Winter"] }

[[actions]]
do = "run"
action = "workspace.make_task"
arguments = { title = { template = "Call {name}" } }
"""


@pytest.fixture
def sales(crmkit, project, enable):
    enable("customers", "commerce", "sales", "workspace")
    crmkit("db", "apply")
    crm = CRM(load_settings(None).config)
    yield crm
    crm.close()


def enter(crm, *names):
    with crm.system("test") as db:
        db.create_many([Lead(name=name, source="web") for name in names])


@pytest.mark.long
def test_automation_is_checked_added_tried_run_and_switched_off(crmkit, sales):
    crmkit("automation", "check", "-", input=CALLS)
    assert not any(row["is_active"] for row in crmkit("automation", "list", "--json").json)
    crmkit("automation", "add", "-", input=CALLS)
    row = crmkit("automation", "list", "--json").json[0]
    assert (row["name"], row["on"], row["is_active"], row["runs_as"]) == (
        "custom.call_new_leads",
        "write",
        True,
        "Ada Winter",
    )
    enter(sales, "Ines")
    (tried,) = crmkit("automation", "try", "custom.call_new_leads", "--since", "2020-01-01", "--json").json
    assert [each["entity"] for each in tried["wrote"]] == ["sales.lead", "workspace.task"]
    assert crmkit("automation", "runs", "--json").json == []
    crmkit("worker", "--until-idle")
    (run,) = crmkit("automation", "runs", "custom.call_new_leads", "--json").json
    assert (run["outcome"], run["tries"]) == ("done", 1)
    assert "create workspace.task" in crmkit("automation", "runs").stdout
    assert crmkit("automation", "runs", "--failed", "--json").json == []
    assert crmkit("automation", "off", "custom.call_new_leads", "--json").json["is_active"] is False


@pytest.mark.long
def test_what_is_shown_can_be_added_again(crmkit, sales):
    crmkit("automation", "add", "-", input=CALLS)
    shown = crmkit("automation", "show", "custom.call_new_leads", "--json").json
    crmkit("automation", "add", "-", input=json.dumps({**shown, "note": "changed"}))
    assert crmkit("automation", "show", "custom.call_new_leads", "--json").json == {**shown, "note": "changed"}


def test_shipped_automation_is_switched_on_and_off(crmkit, sales):
    assert crmkit("automation", "on", "workspace.raise_overdue", "--json").json["is_active"] is True
    assert crmkit("automation", "off", "workspace.raise_overdue", "--json").json["is_active"] is False


@pytest.mark.long
def test_file_that_makes_no_sense_is_refused(crmkit, sales):
    assert "neither TOML nor a JSON object" in crmkit("automation", "add", "-", input="= 3", code=2).stderr
    assert "the automation has no name" in crmkit("automation", "add", "-", input="", code=2).stderr
    assert "there is no key colour" in crmkit("automation", "add", "-", input='colour = "red"', code=2).stderr
    wrong = CALLS.replace("source ==", "sauce ==")
    assert (
        "Rule, column 1: sales.lead has no field 'sauce'"
        in crmkit("automation", "check", "-", input=wrong, code=1).stderr
    )
    assert "custom.nosuch" in crmkit("automation", "show", "custom.nosuch", code=1).stderr


def test_doctor_tells_of_automations_that_were_switched_off(crmkit, sales):
    broken = CALLS.replace('{ template = "Call {name}" }', '{ expression = "email" }')
    crmkit("automation", "add", "-", input=broken)
    enter(sales, *"abcde")
    crmkit("worker", "--until-idle")
    assert (
        "the automation custom.call_new_leads was switched off. It failed 5 times in a row"
        in crmkit("doctor", code=None).stdout
    )
