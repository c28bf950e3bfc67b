"""``crmkit shipped`` and ``crmkit role`` on roles that plugins ship: edited, compared, decided, reset."""

import json
from pathlib import Path

import pytest

from tests.modules import write_module

HOOKS = """
from crmkit import Grant, Record, Role, entity, field, hookimpl, translator

_ = translator(__package__)


@entity("memos.memo", label=_("Memo"))
class Memo(Record):
    title: str = field()


@hookimpl
def crmkit_register_entities():
    return [Memo]


@hookimpl
def crmkit_register_roles():
    return [Role("memos.reader", _("Reader"), [{grants}])]
"""
MANIFEST = """
from crmkit import Plugin, translator
_ = translator(__name__)
PLUGIN = Plugin(name="memos", version="{version}", label=_("Memos"))
"""
READ, UPDATE, DELETE = (f'Grant("memos.memo", ["{verb}"], "all")' for verb in ("read", "update", "delete"))


@pytest.fixture
def memos(crmkit, project, foreign_plugin, enable):
    """Enable the plugin in its version 1, and return what writes another version of it."""
    package = foreign_plugin("memos", MANIFEST.format(version="1.0"), hooks=HOOKS.format(grants=f"{READ}, {UPDATE}"))
    enable("memos")
    crmkit("db", "revision", "memos")
    crmkit("db", "apply")

    def upgrade(version, *grants):
        write_module(package / "__init__.py", MANIFEST.format(version=version))
        write_module(package / "hooks.py", HOOKS.format(grants=", ".join(grants)))
        forget()

    return upgrade


def forget():
    import importlib
    import sys

    for name in [name for name in sys.modules if name.startswith("acme_memos")]:
        del sys.modules[name]
    importlib.invalidate_caches()


def verbs(crmkit):
    rows = crmkit("role", "show", "memos.reader", "--json").json
    return sorted(verb for row in rows for verb in row["names"].split())


@pytest.mark.long
def test_shipped_role_is_changed_like_one_of_ones_own(crmkit, memos):
    crmkit("role", "grant", "memos.reader", "memos.memo", "delete", "--rule", 'title == "x"')
    crmkit("role", "mask", "memos.reader", "memos.memo", "title", "--read-only")
    rows = crmkit("role", "show", "memos.reader", "--json").json
    assert [(row["kind"], row["names"], row["scope"], row["rule"]) for row in rows] == [
        ("grant", "read update", "all", None),
        ("grant", "delete", "rule", 'title == "x"'),
        ("read_only", "title", None, None),
    ]
    crmkit("role", "unmask", "memos.reader", "memos.memo", "title")
    crmkit("role", "revoke", "memos.reader", "memos.memo")

    assert crmkit("role", "show", "memos.reader", "--json").json == []
    assert crmkit("shipped", "list", "--json").json[0]["edited"] == 2
    assert "no verb" in crmkit("role", "grant", "memos.reader", "memos.memo", "eat", code=1).stderr


@pytest.mark.long
def test_upgrade_is_compared_and_decided(crmkit, memos):
    crmkit("role", "revoke", "memos.reader", "memos.memo")
    crmkit("role", "grant", "memos.reader", "memos.memo", "read", "--scope", "all")
    assert "nothing waits" in crmkit("doctor").stdout
    memos("2.0", READ, UPDATE, DELETE)

    assert "role memos.reader: changes of the plugin that wait for a decision: 1" in crmkit("doctor").stdout
    assert "role memos.reader" in crmkit("plugin", "check").stdout
    assert crmkit("plugin", "check", "--json").json["pending"] == ["role memos.reader"]
    plan = crmkit("db", "plan").stdout
    assert "edited here since version 1.0; the plugin is at 2.0" in plan
    assert "grants/memos.memo delete" in plan
    (found,) = crmkit("db", "plan", "--json").json["shipped"]
    assert found == crmkit("shipped", "diff", "--json").json[0]
    assert {each["place"]: each["state"] for each in found["differences"]} == {
        "grants/memos.memo delete": "waiting",
        "grants/memos.memo update": "edited",
    }
    assert "waits for acceptance" in crmkit("shipped", "diff", "role", "memos.reader").stdout
    assert verbs(crmkit) == ["read"]

    crmkit("user", "create", "Ben", "--role", "memos.reader")
    simulated = crmkit("simulate", "shipped", "accept", "role", "memos.reader").stdout
    assert "Ben: delete on memos.memo: nowhere → all" in simulated
    assert verbs(crmkit) == ["read"]
    accepted = crmkit("shipped", "accept", "role", "memos.reader", "--json").json
    assert [each["state"] for each in accepted["differences"]] == ["edited"]
    assert verbs(crmkit) == ["delete", "read"]


def test_change_is_kept_out_and_an_edit_is_reset(crmkit, memos):
    crmkit("role", "revoke", "memos.reader", "memos.memo")
    memos("2.0", READ, UPDATE, DELETE)

    assert "nothing is pending here" in crmkit("shipped", "keep", "role", "memos.reader", "x", code=1).stderr
    crmkit("shipped", "keep", "role", "memos.reader", "grants/memos.memo delete")
    assert crmkit("shipped", "list", "--json").json[0]["waiting"] == 0
    assert "--yes" in crmkit("shipped", "reset", "role", "memos.reader", code=2).stderr
    crmkit("shipped", "reset", "role", "memos.reader", "--yes")

    assert crmkit("shipped", "list", "--json").json == []
    assert verbs(crmkit) == ["delete", "read", "update"]
    assert "there is no record 'role memos.reader'" in crmkit("shipped", "diff", "role", "memos.reader", code=1).stderr


@pytest.mark.long
def test_pipeline_is_reset_by_a_draft(crmkit, project, enable):
    enable("customers", "commerce", "sales")
    crmkit("db", "apply")
    definition = crmkit("pipeline", "show", "sales.default", "--json").json
    label = definition["stages"][0]["label"]
    definition["stages"][0]["label"] = "Begun"
    crmkit("pipeline", "draft", "-", input=json.dumps(definition))
    crmkit("pipeline", "publish", "sales.default")

    shown = crmkit("shipped", "diff", "pipeline", "sales.default").stdout
    assert f"{label}" in shown
    assert "Begun" in shown
    crmkit("shipped", "reset", "pipeline", "sales.default", "--yes")
    assert crmkit("pipeline", "check", "sales.default", "--json").json["renamed"] == [definition["stages"][0]["slug"]]
    assert "publish sales.default" in crmkit("shipped", "accept", "pipeline", "sales.default").stdout
    assert "'a' is no OLD=NEW" in crmkit("shipped", "accept", "pipeline", "sales.default", "--map", "a", code=2).stderr


def test_plugin_is_checked_where_there_is_no_database(crmkit, project):
    Path("crm.db").unlink()

    assert "No conflict." in crmkit("plugin", "check").stdout
    assert not Path("crm.db").exists()


@pytest.mark.long
def test_shipped_automation_and_view_are_edited_removed_and_reset(crmkit, project, enable):
    enable("customers", "commerce", "sales", "workspace")
    crmkit("db", "apply")
    assert crmkit("shipped", "list", "--json").json == []
    name = "sales.give_up_forgotten_leads"
    crmkit("automation", "on", name)
    row = crmkit("shipped", "list", "--json").json[0]
    assert (row["kind"], row["thing"], row["edited"]) == ("automation", name, 1)
    (difference,) = crmkit("shipped", "diff", "automation", name, "--json").json[0]["differences"]
    assert difference == {"place": "is_active", "state": "edited", "base": False, "local": True, "upstream": False}

    crmkit("automation", "remove", name, "--yes")
    crmkit("db", "apply")
    assert name not in crmkit("automation", "list").stdout
    shown = crmkit("shipped", "diff", "automation").stdout
    assert "*" in shown
    assert "no automation" not in crmkit("shipped", "reset", "automation", name, "--yes").stdout
    assert name in crmkit("automation", "list").stdout
    assert "--yes" in crmkit("automation", "remove", name, code=2).stderr
