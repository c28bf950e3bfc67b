"""``crmkit plugin add``, ``remove`` and ``purge``: what they say, what they write, and what they refuse."""

import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

HOOKS = """
from crmkit import Grant, Record, Role, entity, field, hookimpl, translator

_ = translator(__package__)


@entity("{name}.{one}", label=_("Thing"))
class {cls}(Record):
    title: str = field()


@hookimpl
def crmkit_register_entities():
    return [{cls}]


@hookimpl
def crmkit_register_roles():
    return [Role("{name}.reader", _("Reader"), [Grant("{name}.{one}", ["read"], "all")])]
"""
MANIFEST = """
from crmkit import Plugin, translator
_ = translator(__name__)
PLUGIN = Plugin(name="{name}", version="{version}", label=_("{name}"), requires={requires!r})
"""


@pytest.fixture
def install(foreign_plugin):
    def install(name, requires=(), version="1.0"):
        one = name.rstrip("s")
        manifest = MANIFEST.format(name=name, version=version, requires=list(requires))
        hooks = HOOKS.format(name=name, one=one, cls=one.title())
        return foreign_plugin(name, manifest, hooks=hooks)

    return install


@pytest.fixture
def revised(crmkit, project, install, enable):
    """Install plugins that have a revision; none is enabled."""

    def revised(*names, requires=()):
        packages = {name: install(name, requires if name == names[-1] else ()) for name in names}
        enable(*names)
        for name in names:
            crmkit("db", "revision", name)
        enable()
        return packages

    return revised


def tables():
    with sqlite3.connect("crm.db") as database:
        return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


@pytest.mark.long
def test_added_plugin_is_in_the_file_and_in_the_database(crmkit, revised):
    revised("memos")
    text = Path("crm.toml").read_text().replace("enabled = []", "enabled = [  # what we use\n]  # end")
    Path("crm.toml").write_text(f"# ours\n{text}")

    dry = crmkit("plugin", "add", "memos", "--dry-run")
    assert "memos_0001  change" in dry.stdout
    assert "memos_memo" not in tables()
    added = crmkit("plugin", "add", "memos")

    assert added.stdout.splitlines() == ["memos_0001", "memos is enabled."]
    assert Path("crm.toml").read_text() == (
        f"# ours\n{text}".replace("enabled = [  # what we use\n]", 'enabled = [  # what we use\n    "memos"\n]')
    )
    assert "memos_memo" in tables()
    assert crmkit("doctor").exit_code == 0


@pytest.mark.long
def test_removed_plugin_keeps_its_rows_and_comes_back_with_them(crmkit, revised):
    revised("memos")
    crmkit("plugin", "add", "memos")
    crmkit("shell", "-c", "with write() as db: db.create(Memo(title='keep me'))")

    refused = crmkit("plugin", "remove", "memos", code=2)
    assert "--dry-run, then give --yes" in refused.stderr
    preview = crmkit("plugin", "remove", "memos", "--dry-run")
    assert preview.stdout == "memos_memo: 1 rows\n"
    assert "memos_memo" in tables()
    crmkit("plugin", "remove", "memos", "--yes")

    assert {"core_parked_memos_memo"} == {name for name in tables() if "memos" in name}
    assert "memos" not in Path("crm.toml").read_text()
    assert crmkit("user", "list").exit_code == 0
    (row,) = [row for row in crmkit("plugin", "list", "--json").json if row["name"] == "memos"]
    assert (row["enabled"], row["parked_rows"], row["parked_tables"]) == (False, 1, [{"name": "memos_memo", "rows": 1}])
    assert row["parked_since"] is not None
    assert "Parked since" in crmkit("plugin", "list").stdout

    assert "restored memos_memo" in crmkit("plugin", "add", "memos").stdout
    assert (
        crmkit("shell", "-c", "with read() as db: print([memo.title for memo in db.find(Memo)])").stdout
        == "['keep me']\n"
    )
    assert "Parked since" not in crmkit("plugin", "list").stdout


@pytest.mark.long
def test_plugin_that_is_not_installed_any_more_can_be_removed(crmkit, revised, monkeypatch):
    package = revised("memos")["memos"]
    crmkit("plugin", "add", "memos")
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place != str(package.parent)])
    shutil.rmtree(package.parent)
    assert "not installed" in crmkit("user", "list", code=1).stderr

    crmkit("plugin", "remove", "memos", "--yes")

    assert crmkit("user", "list").exit_code == 0
    assert "core_parked_memos_memo" in tables()


@pytest.mark.long
def test_plugin_that_another_requires_is_not_removed(crmkit, revised):
    revised("memos", "pads", requires=["memos"])
    assert "requires the plugin 'memos'; enable it" in crmkit("plugin", "add", "pads", code=1).stderr
    crmkit("plugin", "add", "memos")
    crmkit("plugin", "add", "pads")

    error = crmkit("plugin", "remove", "memos", "--yes", "--json", code=1).error

    assert error["code"] == "plugin-required"
    assert error["message"] == "'memos' cannot be removed: pads require it. Remove those first."
    assert "memos_memo" in tables()


@pytest.mark.long
def test_purge_deletes_what_is_parked_after_it_is_confirmed(crmkit, revised):
    revised("memos")
    crmkit("plugin", "add", "memos")
    assert crmkit("plugin", "purge", "memos", "--yes", "--json", code=1).error["code"] == "unknown-plugin"
    crmkit("plugin", "remove", "memos", "--yes")

    assert crmkit("plugin", "purge", "memos", code=2)
    assert "core_parked_memos_memo" in tables()
    assert crmkit("plugin", "purge", "memos", "--yes", "--json").json["purged"]

    assert not [name for name in tables() if "memos" in name]
    assert crmkit("doctor").exit_code == 0


def test_plugin_enabled_by_hand_while_it_is_parked_is_an_error_that_names_the_mend(crmkit, revised, enable):
    revised("memos")
    crmkit("plugin", "add", "memos")
    crmkit("plugin", "remove", "memos", "--yes")
    enable("memos")

    error = crmkit("user", "list", "--json", code=1).error
    assert error["code"] == "plugin-parked"
    assert "restore memos_memo: 0 rows" in crmkit("db", "plan").stdout

    crmkit("db", "apply")
    assert crmkit("user", "list").exit_code == 0


def test_plugin_that_is_enabled_and_was_never_applied_is_simply_disabled(crmkit, revised, enable):
    revised("memos")
    enable("memos")

    assert crmkit("plugin", "remove", "memos", "--yes").stdout == "memos is disabled and its tables are parked.\n"
    assert crmkit("user", "list").exit_code == 0


def test_plugins_that_the_environment_enables_are_not_changed_in_the_file(crmkit, revised, monkeypatch):
    revised("memos")
    before = Path("crm.toml").read_text()
    monkeypatch.setenv("CRM_PLUGINS_ENABLED", "workspace")

    error = crmkit("plugin", "add", "memos", "--json", code=1).error

    assert "CRM_PLUGINS_ENABLED" in error["message"]
    assert Path("crm.toml").read_text() == before
    assert "memos_memo" not in tables()
