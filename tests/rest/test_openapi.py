"""The OpenAPI document has every entity, as far as it exists for whoever reads it; clients made of it work."""

import importlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from crmkit import Grant, Mask
from crmkit.cli.project import Project, make_project
from crmkit.core.configuration.config import Company
from crmkit.rest.app import DOORS
from tests.rest.serving import command, served

DOCUMENT = "/schema/openapi.json"


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm("sales", database=database, clock=clock)


def document(api, principal):
    answer = api("GET", DOCUMENT, principal)
    assert answer.status_code == 200
    return answer.json()


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for each in node.values():
            yield from references(each)
    elif isinstance(node, list):
        for each in node:
            yield from references(each)


def test_every_door_to_records_is_spelled_out_for_each_entity(crm, api, people):
    found = document(api, people.user("Root", roles=["core.administrator"]))
    assert found["openapi"] == "3.1.0"
    operations = [operation for path in found["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    doors = [door for door in DOORS if "{plugin" in door.path]
    for door in doors:
        assert door.operation is not None, door.name
        slug = door.name.replace(" ", "_")
        mine = [info for info in crm.registry.entities.values() if door.operation.applies(crm.registry, info)]
        assert {f"{slug}_{info.id.replace('.', '_')}" for info in mine} <= set(names), door.name
    schemas = {f"#/components/schemas/{name}" for name in found["components"]["schemas"]}
    assert set(references(found)) <= schemas


def operations_of(document):
    return {operation["operationId"]: operation for path in document["paths"].values() for operation in path.values()}


def links_of(operation):
    return [
        (status, link) for status, answer in operation["responses"].items() for link in answer.get("links", {}).values()
    ]


def test_whatever_may_be_done_with_a_record_is_linked_with_what_it_takes(api, people):
    found = document(api, people.user("Root", roles=["core.administrator"]))
    operations = operations_of(found)
    leads = {link["operationId"] for operation in operations.values() for _status, link in links_of(operation)}
    at_records = {
        each["operationId"] for path, ways in found["paths"].items() if "{record}" in path for each in ways.values()
    }
    assert at_records - leads == {"sign_in.invite", "sign_in.reset_password"}
    for operation in operations.values():
        for status, link in links_of(operation):
            assert status.startswith("2")
            taken = {parameter["name"]: parameter for parameter in operations[link["operationId"]]["parameters"]}
            assert link["parameters"].keys() <= taken.keys(), link
            needed = {name for name, parameter in taken.items() if parameter["in"] == "path"}
            assert needed <= link["parameters"].keys(), link
            if "If-Match" in link["parameters"]:
                assert link["parameters"]["If-Match"] == "$response.header.ETag"
                assert "ETag" in operation["responses"][status]["headers"]
    for verb in ("change", "delete", "move", "transfer", "share", "merge"):
        (link,) = [
            each
            for _status, each in links_of(operations["create_sales_deal"])
            if each["operationId"] == f"{verb}_sales_deal"
        ]
        assert link["parameters"] == {"record": "$response.body#/id", "If-Match": "$response.header.ETag"}


def test_links_lead_nowhere_that_does_not_exist_for_who_reads_the_document(api, people):
    role = people.role("reader", [Grant("customers.company", ["read", "create"], "all")])
    operations = operations_of(document(api, people.user("Rita", member=False, roles=[role])))
    leads = [link["operationId"] for operation in operations.values() for _status, link in links_of(operation)]
    assert "get_customers_company" in leads
    assert set(leads) <= operations.keys()


def test_every_door_says_what_opens_it(api, people):
    operations = operations_of(document(api, people.user("Root", roles=["core.administrator"])))
    token, session, changing = {"token": []}, {"session": []}, {"session": [], "csrf": []}
    assert operations["list_sales_deal"]["security"] == [token, session]
    assert operations["create_sales_deal"]["security"] == [token, changing]
    assert operations["sign_in.make_token"]["security"] == [changing]
    assert operations["sign_in.show_session"]["security"] == [session]
    assert operations["health.live"]["security"] == []


def test_document_has_nothing_that_does_not_exist_for_who_reads_it(api, people):
    role = people.role(
        "reader", [Grant("customers.company", ["read"], "all")], [Mask("customers.company", ["revenue"])]
    )
    text = api("GET", DOCUMENT, people.user("Rita", member=False, roles=[role])).text
    found = json.loads(text)
    assert "/api/v1/customers/companies" in found["paths"]
    assert "post" not in found["paths"]["/api/v1/customers/companies"]
    assert "revenue" not in text
    assert "sales" not in text
    assert api("GET", DOCUMENT).status_code == 401


def test_fields_made_at_run_time_are_in_the_document_at_once(api, people):
    root = people.user("Root", roles=["core.administrator"])
    field = {"entity": "sales.deal", "key": "size", "label": "Size", "type": "decimal", "options": {"scale": 2}}
    assert api("POST", "/api/v1/core/custom_fields", root, json=field).status_code == 201
    found = document(api, root)["components"]["schemas"]
    assert found["SalesDeal"]["properties"]["custom"]["properties"]["size"]["type"] == ["string", "null"]
    assert found["SalesDealNew"]["properties"]["custom"]["properties"]["size"]["pattern"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sold") / "acme"
    made = Project(Company("Acme"), ["commerce", "customers", "sales"], "Ada Winter", "ada@acme.example")
    make_project(folder, made)
    return folder


@pytest.mark.slow
def test_client_of_a_public_generator_installs_and_creates_filters_moves_and_exports_deals(
    project, tmp_path, monkeypatch
):
    token = subprocess.run(
        [*command(), "token", "create", "Ada Winter", "--scope", "*:write", "--expires", "1d", "--json"],
        cwd=project, capture_output=True, text=True, check=True,
    )  # fmt: skip
    described = subprocess.run([*command(), "openapi"], cwd=project, capture_output=True, text=True, check=True)
    (tmp_path / "openapi.json").write_text(described.stdout)
    tools = Path(sys.executable).parent
    environment = {**os.environ, "PATH": os.pathsep.join([str(tools), os.environ.get("PATH", "")])}
    asked = ["generate", "--path", "openapi.json", "--output-path", "client", "--meta", "poetry", "--fail-on-warning"]
    done = subprocess.run(
        [tools / "openapi-python-client", *asked],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    installed = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--no-build-isolation", "--target",
         tmp_path / "installed", tmp_path / "client"], capture_output=True, text=True,
    )  # fmt: skip
    assert installed.returncode == 0, installed.stderr
    monkeypatch.syspath_prepend(tmp_path / "installed")
    with served(project) as (_process, address):
        use_client(address, json.loads(token.stdout)["token"])


PLAN = """
system = "old"
[[step]]
file = "deals.csv"
entity = "sales.deal"
external_id = "{name}"
[step.fields]
name = "name"
"""


def use_client(address, token):
    client_ = importlib.import_module("crmkit_client")
    models = importlib.import_module("crmkit_client.models")
    api = "crmkit_client.api.sales"
    create, list_, move, change, export = (
        importlib.import_module(f"{api}.{name}")
        for name in (
            "create_sales_deal",
            "list_sales_deal",
            "move_sales_deal",
            "change_sales_deal",
            "export_sales_deal",
        )
    )
    with client_.AuthenticatedClient(address, token) as client:
        new = models.SalesDealNew.from_dict({"name": "Pilot", "amount": {"amount": "1200.50", "currency": "EUR"}})
        made = create.sync_detailed(client=client, body=new, idempotency_key="pilot-1")
        again = create.sync_detailed(client=client, body=new, idempotency_key="pilot-1")
        assert (made.status_code, again.content) == (201, made.content)
        deal = made.parsed
        found = list_.sync(client=client, filter_='name == "Pilot" && amount >= 1000', order_by="-amount")
        assert [each.id for each in found.items] == [deal.id]
        moved = move.sync(str(deal.id), client=client, body=models.Move(stage="engaging"))
        assert (moved.stage, moved.version) == ("engaging", 2)
        patch = models.SalesDealPatch.from_dict({"amount": {"amount": "7"}})
        changed = change.sync(deal.number, client=client, body=patch, if_match='"2"')
        assert changed.to_dict()["amount"] == {"amount": "7.00", "currency": "EUR"}
        exported = export.sync_detailed(client=client, fields="name,amount", format_=models.ExportSalesDealFormat.CSV)
        assert exported.content.decode("utf-8-sig") == "name,amount,amount_currency\r\nPilot,7.00,EUR\r\n"
        file = client_.types.File(io.BytesIO(exported.content), "deals.csv")
        form = models.ImportFilesBody(plan=PLAN, file=[file], dry_run=True)
        tried = importlib.import_module("crmkit_client.api.crmkit.import_").sync(client=client, body=form)
        assert tried.name == "core.import_dry_run", tried
        refused = move.sync(str(deal.id), client=client, body=models.Move(stage="won"))
        assert (type(refused).__name__, refused.status) == ("Problem", 422)
