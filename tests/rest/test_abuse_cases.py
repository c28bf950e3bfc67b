"""Abuse that peers of crmkit have suffered, tried over HTTP; tests/core has the same cases for readers and writers."""

from __future__ import annotations

import ast
import json
import sys
from itertools import product
from pathlib import Path

import pytest
import sqlalchemy as sa

import crmkit
from crmkit import Grant, Mask
from crmkit.plugins.customers.entities import Company
from crmkit.plugins.sales.entities import Deal
from crmkit.rest.app import DOORS
from tests.rest.test_denied import asked

DEALS = "/api/v1/sales/deals"
ALL = ["read", "create", "update", "delete", "move", "transfer", "share", "export"]
CANARY = "canary-7f3a"


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm("sales", "workspace", database=database, clock=clock)


@pytest.fixture
def seller(people):
    """Sees her own deals, without some of their fields, and no company."""
    people.role("seller", [Grant("sales.deal", ALL, "own")], [Mask("sales.deal", ["amount"])])
    return people.user("Sela", team="North", roles=["seller"])


@pytest.fixture
def others(people):
    """Three people who see nothing of what is foreign: by another role, without any, and without being a member."""
    people.role("clerk", [Grant("sales.deal", ["read"], "team"), Grant("customers.company", ["read"], "own")])
    return [
        people.user("Cleo", team="South", roles=["clerk"]),
        people.user("Mia", team="South"),
        people.user("Nemo", member=False),
    ]


@pytest.fixture
def mine(crm, seller):
    with crm.system("test") as db:
        return db.create(Deal(name="Mine", owner_id=seller.user_id))


@pytest.fixture
def foreign(crm):
    """Two deals of nobody, and their company."""
    with crm.system("test") as db:
        company = db.create(Company(name=f"{CANARY} Ltd"))
        return db.create_many([Deal(name=f"{CANARY} {n}", company_id=company.id) for n in range(2)])


@pytest.fixture
def statements(crm):
    """The texts of all statements that the database gets."""
    found = list[str]()

    def note(_connection, _cursor, statement, *_more):
        found.append(statement)

    sa.event.listen(crm.storage.engine, "before_cursor_execute", note)
    yield found
    sa.event.remove(crm.storage.engine, "before_cursor_execute", note)


_PASSING = ("x-request-id", "content-length", "date")


def told(answer, name=""):
    """Return everything that *answer* tells, but for its id and *name*."""
    headers = {n: v for n, v in answer.headers.items() if n not in _PASSING and not n.startswith("ratelimit")}
    return answer.status_code, headers, answer.text.replace(name, "NAME") if name else answer.text


def like_no_field(api, seller, path):
    hidden, none = (api("GET", path.format(name=name), seller) for name in ("amount", "nosuch"))
    assert hidden.status_code == 400
    assert told(hidden, "amount") == told(none, "nosuch")


@pytest.mark.parametrize("order", ["{name}", "-{name}", "name,{name}"])
def test_t01_sorting_by_a_hidden_field_over_http_is_sorting_by_none(api, seller, mine, order):
    like_no_field(api, seller, f"{DEALS}?order_by={order}")


@pytest.mark.parametrize("query", ["filter={name} == null", "filter=!({name} != null)", "{name}__isnull=true",
                                   "{name}=1", "fields={name}", "fields=id,{name}"])  # fmt: skip
@pytest.mark.parametrize("path", ["", "/export"])
def test_t02_filtering_by_a_hidden_field_over_http_is_filtering_by_none(api, seller, mine, path, query):
    like_no_field(api, seller, f"{DEALS}{path}?{query}")


@pytest.mark.parametrize("query", ["group_by={name}", "measures=min.{name}", "measures=sum.{name}",
                                   "measures=count.{name}", "measures=sum_by_currency.{name}"])  # fmt: skip
def test_t03_measuring_a_hidden_field_over_http_is_measuring_none(api, seller, mine, query):
    like_no_field(api, seller, f"{DEALS}/aggregate?{query}")


def test_t04_what_is_forbidden_and_what_is_missing_are_told_in_the_same_bytes(api, seller, foreign):
    missing = told(api("GET", f"{DEALS}/01a21a9b-0000-7000-8000-000000000000", seller))
    assert missing[0] == 404
    assert told(api("GET", f"{DEALS}/{foreign[0].id}", seller)) == missing
    # An entity without grants, and none.
    assert told(api("GET", "/api/v1/customers/companies", seller)) == told(api("GET", "/api/v1/no/such", seller))


@pytest.mark.parametrize("rule", ['company.name == "canary-7f3a Ltd"', 'company.name != "x"', "company.name == null"])
def test_t05_filter_over_http_never_looks_into_what_is_invisible(crm, api, seller, mine, foreign, rule):
    before = told(api("GET", f"{DEALS}?filter={rule}", seller))
    with crm.system("test") as db:
        db.update(db.trusted.get(Deal, mine.id), {"company_id": foreign[0].company_id})
        company = db.trusted.get(Company, foreign[0].company_id)
    one = told(api("GET", f"{DEALS}?filter={rule}&fields=name", seller))
    with crm.system("test") as db:
        db.update(company, {"name": "Other"})
    assert told(api("GET", f"{DEALS}?filter={rule}&fields=name", seller)) == one
    assert CANARY not in str(before) + str(one).replace(rule, "")


_HARM = ["1 OR 1=1", "1; DROP TABLE sales_deal", "' OR ''='", "\" OR \"\"=\"", "1) UNION SELECT 1", "sleep(5)",
         "pg_sleep(5)", "CASE WHEN 1 THEN 1 END", "(SELECT 1)", "name COLLATE x", "1/**/", "load_extension('x')",
         "randomblob(9)", "||", "CAST(1 AS int)", "\\", "%27", "\x00", "{{1}}", "$1"]  # fmt: skip
_WRAPS = ["{}", "-{}", "name,{}", "name {}", "name) {} --", "name' {} --", 'name" {} --', "name`{}`", "[{}]", "{} desc"]
PAYLOADS = [wrap.format(f"zq{harm}") for harm, wrap in product(_HARM, _WRAPS)]
_PLACES = [
    ("", "order_by"), ("", "filter"), ("", "fields"), ("/aggregate", "group_by"), ("/aggregate", "measures"),
    ("/board", "sum"), ("/funnel", "at"), ("/cycle_times", "by"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("path", "parameter"), _PLACES)
def test_t07_payload_is_refused_or_is_a_value_and_never_part_of_a_statement(
    api, seller, mine, statements, path, parameter
):
    assert len(PAYLOADS) == 200
    for payload in PAYLOADS:
        answer = api("GET", f"{DEALS}{path}", seller, params={parameter: payload})
        assert answer.status_code in (200, 400), (payload, answer.text)
    assert statements
    assert not [each for each in statements if "zq" in each]


def test_t07_time_zone_is_one_or_is_refused(api, people, statements):
    root = people.user("Root", roles=["core.administrator"])
    me = f"/api/v1/core/users/{root.user_id}"
    for payload in PAYLOADS:
        answer = api("PATCH", me, root, headers={"if-match": "*"}, json={"time_zone": payload})
        assert answer.status_code == 422, payload
    assert not [each for each in statements if "zq" in each]


AT_RECORDS = [door for door in DOORS if "{plugin" in door.path and "{record" in door.path]


@pytest.mark.parametrize("door", AT_RECORDS, ids=lambda door: door.name)
def test_t08_every_route_of_a_foreign_record_is_nothing_for_everybody(api, seller, others, mine, foreign, door):
    for who in (seller, *others):
        path, body = asked(door, *foreign, who)
        sent = {} if door.method == "GET" else {"json": body}
        query = {"params": {"verb": "read"}} if door.name == "explain" else {}
        answer = api(door.method, path, who, headers={"if-match": "*"}, **sent, **query)
        assert answer.status_code == 404, (who.name, answer.text)
        assert CANARY not in answer.text + str(answer.headers)


def test_t14_batch_with_a_foreign_record_changes_nothing(crm, api, seller, mine, foreign):
    ids = [mine.id, foreign[0].id, mine.id]
    items = [{"op": "update", "id": str(id_), "values": {"name": "Changed"}} for id_ in ids]
    answer = api("POST", f"{DEALS}/batch", seller, json={"items": items})
    assert (answer.status_code, answer.json()["index"]) == (404, 1)
    assert api("GET", f"{DEALS}/{mine.id}", seller).json()["name"] == "Mine"


_TEMPLATES = ["{{7*7}}", "{%% import os %%}", "${7*7}", "#{7*7}", "<%= 7*7 %>", "{0.__class__}", "%(name)s", "{name}",
              "__import__('os').system('id')", "().__class__.__mro__", "eval('1')", "lambda: 1",
              "=cmd|' /C calc'!A0", "{{config}}", "@{7*7}"]  # fmt: skip
TEMPLATES = [wrap.format(each) for each, wrap in product(_TEMPLATES, ["{}", " {} ", "a{}", "{}z"])]
_watched = list[str]()
_is_watching = False


def _audit(event, _arguments):
    # A cached module is opened, too; what counts is what a template would do.
    if _is_watching and event in ("os.system", "subprocess.Popen", "os.exec", "exec", "compile", "socket.connect"):
        _watched.append(event)


@pytest.fixture
def watched():
    """What is run or connected to meanwhile."""
    global _is_watching
    sys.addaudithook(_audit)
    _watched.clear()
    yield _watched
    _is_watching = False


def test_t18_template_is_a_text_like_any_other(api, seller, mine, watched):
    global _is_watching
    assert len(TEMPLATES) == 60
    at = f"{DEALS}/{mine.id}"
    # Whatever is prepared once is.
    api("PATCH", at, seller, headers={"if-match": "*"}, json={"name": "first"})
    api("GET", DEALS, seller, params={"filter": "nosuch ==="})
    _is_watching = True
    for template in TEMPLATES:
        changed = api("PATCH", at, seller, headers={"if-match": "*"}, json={"name": template})
        assert changed.json()["name"].strip() == template.strip()
        assert api("GET", DEALS, seller, params={"filter": template}).status_code == 400
        assert api("GET", DEALS, seller, params={"order_by": template}).status_code == 400
    assert watched == []


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_t32_error_tells_no_trace_and_no_statement(api, seller, mine, method):
    for path, sent in (
        ("?filter=%00", {}),
        ("?cursor=x", {}),
        ("?limit=x", {}),
        ("/%00", {}),
        ("?nosuch=1", {"content": b"\xff"}),
    ):
        answer = api(method, f"{DEALS}{path}", seller, **({} if method == "GET" else sent))
        assert 400 <= answer.status_code < 500
        text = json.dumps(answer.json()).lower()
        assert not [word for word in ("traceback", "select ", 'file "', "sqlite", "psycopg") if word in text]


_LOADERS = {"eval", "pickle.load", "pickle.loads", "yaml.load", "marshal.loads", "shelve.open"}


def test_t19_saved_definition_is_data_and_nothing_in_crmkit_runs_data(api, people):
    root = people.user("Root", roles=["core.administrator"])
    for rule in ("__import__('os').system('id')", "name == ", "nosuch == 1", "name == eval('1')"):
        view = {"entity": "sales.deal", "name": "View", "filter": rule}
        assert api("POST", "/api/v1/workspace/views", root, json=view).status_code in (400, 422), rule
    for path in Path(crmkit.__file__).parent.rglob("*.py"):
        called = {
            ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)
        }
        assert not called & _LOADERS, path
