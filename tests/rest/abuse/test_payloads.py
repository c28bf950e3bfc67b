"""T07, T18, T19 and T32: what is sent is a value, whatever it looks like, and an error tells nothing of the inside."""

from __future__ import annotations

import ast
import json
import sys
from itertools import product
from pathlib import Path

import pytest

import crmkit
from crmkit.testing import both_databases
from tests.rest.abuse.asking import ANY, DEALS

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
@both_databases
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


def test_t07_time_zone_is_one_or_is_refused(api, root, statements):
    me = f"/api/v1/core/users/{root.user_id}"
    for payload in PAYLOADS:
        answer = api("PATCH", me, root, headers=ANY, json={"time_zone": payload})
        assert answer.status_code == 422, payload
    assert not [each for each in statements if "zq" in each]


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
    api("PATCH", at, seller, headers=ANY, json={"name": "first"})
    api("GET", DEALS, seller, params={"filter": "nosuch ==="})
    _is_watching = True
    for template in TEMPLATES:
        changed = api("PATCH", at, seller, headers=ANY, json={"name": template})
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


def test_t19_saved_definition_is_data_and_nothing_in_crmkit_runs_data(api, root):
    for rule in ("__import__('os').system('id')", "name == ", "nosuch == 1", "name == eval('1')"):
        view = {"entity": "sales.deal", "name": "View", "filter": rule}
        assert api("POST", "/api/v1/workspace/views", root, json=view).status_code in (400, 422), rule
    for path in Path(crmkit.__file__).parent.rglob("*.py"):
        called = {
            ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)
        }
        assert not called & _LOADERS, path
