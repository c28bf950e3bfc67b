"""Verbs of plugins over HTTP: called by name, with arguments and answers as the OpenAPI document describes them."""

import pytest

from crmkit import Money
from crmkit.plugins.customers.entities import Company
from crmkit.plugins.sales.entities import Deal, Lead
from crmkit.plugins.workspace.entities import Task
from crmkit.testing import both_databases

VERBS = "/api/v1/sales/verbs"


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm("sales", "workspace", database=database, clock=clock)


@pytest.fixture
def anna(people):
    return people.user("Anna", team="North", roles=["sales.agent", "workspace.member", "customers.agent"])


@pytest.fixture
def deal(crm, anna):
    with crm.write(anna) as db:
        company = db.create(Company(name="Acme"))
        return db.create(Deal(name="Pilot", company_id=company.id, amount=Money.of(5, "EUR"), stage="engaging"))


@both_databases
def test_deal_is_won_and_lead_converted(api, crm, anna, deal):
    won = api("POST", f"{VERBS}/win", anna, json={"deal": deal.number, "amount": {"amount": "9", "currency": "EUR"}})
    assert (won.status_code, won.json()["stage"], won.json()["amount"]["amount"]) == (200, "won", "9.00"), won.text
    with crm.write(anna) as db:
        lead = db.create(Lead(name="Rollout", company_name="Globex", contact_name="Hank"))
    done = api("POST", f"{VERBS}/convert_lead", anna, json={"lead": str(lead.id)}).json()
    assert (done["lead"]["stage"], done["company"]["name"], done["contact"]["name"]) == ("converted", "Globex", "Hank")
    assert done["deal"]["company_id"] == done["company"]["id"]
    again = api("POST", f"{VERBS}/convert_lead", anna, json={"lead": str(lead.id)})
    assert again.status_code == 422
    assert api("GET", "/api/v1/customers/companies?name=Globex&count=true", anna).json()["count"] == 1


def test_arguments_that_are_null_are_none(api, anna):
    answer = api("POST", f"{VERBS}/forecast", anna, headers={"content-type": "application/json"}, content="null")
    assert (answer.status_code, answer.json()["title"]) == (400, "Malformed body")


def test_forecast_is_read(api, anna, deal):
    answer = api("POST", f"{VERBS}/forecast", anna).json()
    assert answer == {
        "currency": "EUR",
        "months": [{"month": None, "count": 1, "amount": "5.00", "weighted": "1.50"}],
    }


def test_task_is_completed_by_name(api, crm, anna):
    with crm.write(anna) as db:
        task = db.create(Task(title="Call"))
    mine = api("POST", "/api/v1/workspace/verbs/my_tasks", anna, json={})
    assert [each["id"] for each in mine.json()] == [str(task.id)]
    assert api("POST", "/api/v1/workspace/verbs/complete_task", anna, json={"task": str(task.id)}).status_code == 200
    assert api("POST", "/api/v1/workspace/verbs/my_tasks", anna).json() == []


def test_argument_that_is_not_accepted_is_a_field_of_the_problem(api, anna, deal):
    answer = api("POST", f"{VERBS}/win", anna, json={"deal": "D-999999", "more": 1})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["deal", "more"]


def test_nothing_is_done_under_the_id_or_number_of_a_merged_record(api, crm, anna, deal):
    with crm.system("test") as db:
        merged = db.create(Deal(name="Pilot", company_id=deal.company_id))
        db.merge(deal, [merged])
    for reference in (str(merged.id), merged.number):
        refused = api("POST", f"{VERBS}/win", anna, json={"deal": reference, "amount": None})
        unknown = api("POST", f"{VERBS}/win", anna, json={"deal": "D-999999", "amount": None})
        assert refused.status_code == unknown.status_code == 422
        assert refused.text.replace(reference, "IT") == unknown.text.replace("D-999999", "IT")
    with crm.read(anna) as db:
        assert db.get(Deal, deal.id).stage == "engaging"
    assert api("POST", f"{VERBS}/win", anna, json={"deal": deal.number}).json()["stage"] == "won"


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"'])
def test_body_that_is_no_object_is_refused(api, anna, deal, body):
    answer = api("POST", f"{VERBS}/win", anna, content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)


def test_verb_that_does_not_exist_for_somebody_is_answered_as_none(api, people, deal):
    otto = people.user("Otto")
    answers = [
        api("POST", f"{VERBS}/{name}", otto, json={}, headers={"x-request-id": "r"}) for name in ("win", "nosuch")
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content


def test_document_describes_each_verb(api, people, anna):
    paths = api("GET", "/schema/openapi.json", anna).json()["paths"]
    win = paths["/api/v1/sales/verbs/win"]["post"]
    schema = win["requestBody"]["content"]["application/json"]["schema"]
    assert schema["required"] == ["deal"]
    assert win["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].startswith("#/components/schemas/")
    otto = people.user("Otto")
    assert not [path for path in api("GET", "/schema/openapi.json", otto).json()["paths"] if "/sales/verbs/" in path]
