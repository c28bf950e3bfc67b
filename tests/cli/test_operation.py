import sqlite3
import sys
from datetime import UTC, datetime, timedelta

import pytest


def by_check(rows):
    return {row["check"]: row for row in rows}


def test_config_show_names_the_source_of_each_value_and_masks_passwords(crmkit, project, monkeypatch):
    monkeypatch.setenv("CRM_DATABASE_URL", "postgresql://crm:geheim@host/crm")
    shown = crmkit("config", "show", "--as", "Ben", "--json")
    settings = {row["setting"]: row for row in shown.json["settings"]}

    assert "geheim" not in shown.stdout
    assert (settings["database.url"]["value"], settings["database.url"]["source"]) == (
        "postgresql://crm:***@host/crm",
        "CRM_DATABASE_URL",
    )
    assert settings["company.name"]["source"] == "crm.toml [company] name"
    assert settings["database.pool_size"]["source"] == "default"
    assert (settings["cli.user"]["value"], settings["cli.user"]["source"]) == ("Ben", "--as")
    assert settings["cli.user"]["variable"] == "CRM_CLI_USER"


def test_misspelt_setting_stops_every_command(crmkit, project):
    (project / "crm.toml").write_text("[company]\ncurency = 'EUR'\n")
    assert "did you mean currency?" in crmkit("user", "list", code=1).stderr


# db


def test_database_is_planned_applied_and_checked(crmkit, project):
    assert crmkit("db", "plan").stdout == "Nothing is to be done.\n"
    assert crmkit("db", "check").stdout == "Declarations, revisions and the database agree.\n"
    (project / "crm.db").unlink()

    assert "not applied; run crmkit db apply" in crmkit("db", "check", code=1).stdout
    steps = crmkit("db", "plan", "--json").json["steps"]
    assert steps[0]["plugin"] == "core"
    assert any("core_user" in operation for operation in steps[0]["operations"])
    assert steps[0]["revision"] in crmkit("db", "plan").stdout
    assert crmkit("db", "apply", "--json").json["revisions"] == [step["revision"] for step in steps]
    assert crmkit("db", "apply").stdout == "Nothing was to be done.\n"


@pytest.mark.long
def test_revision_is_written_only_where_something_changed(crmkit, project):
    result = crmkit("db", "revision", "core", "-m", "nothing", code=1)
    assert "[revision-refused]" in result.stderr


# ledger


def test_ledger_that_somebody_changed_is_found(crmkit, project):
    assert "The ledger is whole: 3 rows." in crmkit("ledger", "verify").stdout
    break_ledger(project)
    assert "Error [ledger-broken]" in crmkit("ledger", "verify", code=1).stderr


def break_ledger(project):
    with sqlite3.connect(project / "crm.db") as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute("DELETE FROM core_ledger WHERE id = 2")


# doctor


def test_doctor_finds_a_new_company_healthy(crmkit, project):
    rows = crmkit("doctor", "--full", "--json").json
    assert {row["status"] for row in rows} == {"ok"}
    assert set(by_check(rows)) >= {
        *(
            "python",
            "settings",
            "plugins",
            "extras",
            "database",
            "disk",
            "migrations",
            "definitions",
            "ledger",
            "clock",
            "people",
        )
    }


def test_doctor_goes_on_as_far_as_it_can(crmkit, project, monkeypatch):
    monkeypatch.setenv("CRM_DATABASE_URL", "postgresql+psycopg://crm@127.0.0.1:1/crm")
    result = crmkit("doctor", code=1)
    assert "FAIL  database" in result.stdout
    assert "→ Check url in [database]: crmkit config show." in result.stdout


def test_driver_that_is_not_there_is_no_fault_of_a_plugin(crmkit, project, monkeypatch):
    monkeypatch.setenv("CRM_DATABASE_URL", "postgresql+asyncpg://crm@127.0.0.1:1/crm")
    result = crmkit("doctor", code=1)
    assert "FAIL  settings    database.url: there is no driver 'asyncpg' that crmkit can use" in result.stdout
    assert "plugin" not in result.stdout
    assert crmkit("user", "list", "--json", code=1).error["code"] == "configuration"


@pytest.mark.parametrize(
    ("break_it", "check", "status", "message"),
    [
        (break_ledger, "ledger", "fail", "rows were removed or changed"),
        (lambda project: (project / "crm.db").chmod(0o644), "database", "warn", "everybody on this machine may read"),
        (lambda project: (project / "crm.toml").write_text("[cli]\nuser='x'"), "people", "fail", "no user 'x'"),
        (lambda project: (project / "crm.toml").write_text(""), "people", "warn", "nobody acts on the command line"),
        (lambda project: (project / "crm.toml").write_text("[cly]"), "settings", "fail", "[cly] is unknown"),
        (lambda project: (project / "crm.db").write_bytes(b""), "migrations", "fail", "is not applied; run crmkit db"),
        (lambda project: (project / "crm.db").write_bytes(b"no"), "database", "fail", "file is not a database"),
    ],
)
def test_doctor_names_what_is_not_well(crmkit, project, break_it, check, status, message):
    break_it(project)
    rows = crmkit("doctor", "--json", code=1 if status == "fail" else 0).json
    assert any((row["check"], row["status"]) == (check, status) and message in row["message"] for row in rows), rows


def test_doctor_misses_an_administrator_and_a_ledger_from_the_future(crmkit, project):
    with sqlite3.connect(project / "crm.db") as database:
        database.execute("UPDATE core_user SET is_active = 0")
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        later = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="microseconds")
        database.execute("UPDATE core_ledger SET at = ? WHERE id = 3", [later])
    rows = crmkit("doctor", "--json", code=1).json
    assert "nobody is an active administrator" in [row["message"] for row in rows]
    assert "from the future" in by_check(rows)["clock"]["message"]


def test_doctor_notices_a_password_that_everybody_may_read(crmkit, project):
    (project / "crm.toml").write_text("[database]\nurl = 'postgresql://crm:geheim@127.0.0.1:1/crm'\n")
    result = crmkit("doctor", code=1)
    assert "holds a password and everybody may read it" in result.stdout
    assert "geheim" not in result.stdout


def test_doctor_says_how_to_go_on_without_a_broken_plugin(crmkit, project, enable, foreign_plugin):
    foreign_plugin("orders", manifest="raise RuntimeError('broken')")
    enable("orders")
    assert "→ Leave the plugin out for now: --without NAME, or --no-plugins." in crmkit("doctor", code=1).stdout
    crmkit("doctor", "--without", "orders")


# plugin

ENTITIES = """
from crmkit import Record, entity, field, translator
_ = translator("acme_{name}")

@entity("{name}.thing", label=_("Thing"))
class Thing(Record):
    name: str = field()
"""
HOOKS = """
from crmkit import Grant, Role, hookimpl, translator
from .entities import Thing
_ = translator("acme_{name}")

@hookimpl
def crmkit_register_entities():
    return [Thing]

@hookimpl
def crmkit_register_roles():
    return [Role("{name}.user", _("User"), [Grant("{name}.thing", ["read"], "all")])]
"""


@pytest.mark.long
def test_plugin_check_shows_what_it_brings_before_it_is_enabled(crmkit, project, foreign_plugin):
    foreign_plugin("orders", entities=ENTITIES.format(name="orders"), hooks=HOOKS.format(name="orders"))
    report = crmkit("plugin", "check", "orders", "--json").json
    assert (report["fits"], report["conflicts"]) == (True, [])
    assert report["brings"]["entities"] == ["orders.thing"]
    assert report["brings"]["roles"] == ["orders.user"]
    assert report["brings"]["hooks"] == ["crmkit_register_entities", "crmkit_register_roles"]
    assert "No conflict." in crmkit("plugin", "check", "orders").stdout


@pytest.mark.parametrize(
    ("hooks", "message"),
    [
        (
            "from crmkit import hookimpl\n@hookimpl\ndef crmkit_regster_roles():\n    return []\n",
            "crmkit_regster_roles",
        ),
        (HOOKS.format(name="orders").replace("orders.thing", "nix.thing"), "there is no entity 'nix.thing'"),
        ("import nosuchmodule\n", "No module named 'nosuchmodule'"),
        (HOOKS.format(name="orders").replace("[Thing]", "[]"), "there is no entity 'orders.thing'"),
    ],
)
def test_plugin_check_names_every_conflict(crmkit, project, foreign_plugin, hooks, message):
    foreign_plugin("orders", entities=ENTITIES.format(name="orders"), hooks=hooks)
    result = crmkit("plugin", "check", "orders", code=1)
    assert message in result.stdout


def test_plugin_check_blames_a_plugin_only_for_its_own_conflicts(crmkit, project, foreign_plugin, enable):
    foreign_plugin("orders", manifest="raise RuntimeError('broken')")
    foreign_plugin("bills")
    enable("orders")
    assert crmkit("plugin", "check", "bills", "--json").json["fits"] is True
    assert "importing it failed: RuntimeError: broken" in crmkit("plugin", "check", code=1).stdout


def test_plugin_list_shows_installed_and_enabled_plugins_and_what_is_wrong(crmkit, project, foreign_plugin, enable):
    foreign_plugin("orders", manifest="raise RuntimeError('broken')")
    foreign_plugin("bills")
    enable("bills", "nosuch")
    rows = {row["name"]: row for row in crmkit("plugin", "list", "--json").json}
    assert (rows["bills"]["enabled"], rows["bills"]["version"]) == (True, "1.0")
    assert (rows["sales"]["enabled"], rows["sales"]["problem"]) == (False, None)
    assert "RuntimeError: broken" in rows["orders"]["problem"]
    assert "this plugin is not installed" in rows["nosuch"]["problem"]
    assert "Problem" in crmkit("plugin", "list").stdout


def test_plugin_installed_twice_concerns_only_those_who_enable_it(crmkit, project, foreign_plugin, enable):
    foreign_plugin("orders")
    foreign_plugin("orders", module="acme_orders_too")
    foreign_plugin("bills")
    enable("bills")
    crmkit("user", "list")
    rows = {row["name"]: row for row in crmkit("plugin", "list", "--json").json}
    assert "installed twice: acme_orders" in rows["orders"]["problem"]

    enable("bills", "orders")
    twice = crmkit("user", "list", code=1).stderr
    assert "Error [plugin]: Plugins cannot be loaded: orders: installed twice: acme_orders" in twice
    crmkit("user", "list", "--without", "orders")
    crmkit("user", "list", "--no-plugins")
    assert "installed twice" in crmkit("orders", "who", code=1).stderr


# explain


def test_explain_answers_about_a_record_and_about_an_entity(crmkit, project):
    ben = crmkit("user", "create", "Ben", "--json").json
    report = crmkit("explain", "Ben", "update", ben["id"], "--json").json
    assert (report["answer"], report["reason"], report["entity"]) == ("no", "no-grant", "core.user")
    assert {"kind": "role", "role": "core.administrator"}.items() <= report["changes"][0].items()

    shown = crmkit("explain", "Ben", "read", "core.user").stdout.splitlines()
    assert shown[0] == "Yes: Ben may read every core.user."
    assert shown[1] == "  · the role core.member grants read on core.user, scope all"


def test_explain_tells_a_person_no_more_than_that_person_may_know(crmkit, project):
    ben = crmkit("user", "create", "Ben", "--json").json
    crmkit("explain", "Ben", "read", ben["id"], "--as", "Ben")
    assert "[forbidden]" in crmkit("explain", "Ada Winter", "read", ben["id"], "--as", "Ben", code=1).stderr


def test_explain_refuses_an_unknown_verb(crmkit, project):
    assert (
        "There is no verb 'see'. The verbs are read"
        in crmkit("explain", "Ada Winter", "see", "core.user", code=1).stderr
    )


# shell


def test_shell_runs_code_beside_the_crm(crmkit, project, capsys):
    crmkit("shell", "-c", "with read() as db: print([user.name for user in db.find(User)], me.name)")
    crmkit("shell", "-c", "with write() as db: db.create(Team(name='Sales'))")
    assert crmkit("team", "list", "--json").json[0]["name"] == "Sales"


def test_mistake_in_code_given_to_the_shell_is_told_to_programs_in_json(crmkit, project):
    for code, reason in (("1 / 0", "ZeroDivisionError"), ("def f(", "SyntaxError")):
        error = crmkit("shell", "-c", code, "--json", code=1).error
        assert (error["code"], error["facts"]["reason"].split(":")[0]) == ("code", reason)


@pytest.mark.long
def test_mistake_in_code_given_to_the_shell_is_shown_as_python_shows_it(crmkit, project):
    error = crmkit("shell", "-c", "1 / 0", code=1).stderr
    assert error.splitlines()[-1] == "ZeroDivisionError: division by zero"
    assert "shell.py" not in error
    assert "SyntaxError" in crmkit("shell", "-c", "one two", code=1).stderr
    refused = crmkit("shell", "-c", "with write() as db: db.create(Team(name=''))", code=1).stderr
    assert refused.startswith("Error [validation]")


def test_refusal_names_the_record_as_people_do(crmkit, project):
    ben = crmkit("user", "create", "Ben", "--json").json
    change = "with write() as db: db.update(db.find(User, 'name == \"Ada Winter\"')[0], name='Eve')"
    make = "with write() as db: db.create(Team(name='Sales'))"
    assert crmkit("shell", "--as", "Ben", "-c", change, code=1).stderr == (
        "Error [forbidden]: core.user: you may not update 'Ada Winter'.\n"
    )
    assert crmkit("shell", "--as", "Ben", "-c", make, code=1).stderr == (
        "Error [forbidden]: core.team: you may not create 'Team'.\n"
    )
    chinese = crmkit("shell", "--as", "Ben", "-c", make, "--locale", "zh_CN", code=1).stderr
    assert "'Team'" not in chinese
    own = f"with write() as db: db.delete(db.get(User, {ben['id']!r}))"
    facts = crmkit("shell", "--as", "Ben", "-c", own, "--json", code=1).error["facts"]
    assert facts == {"entity": "core.user", "verb": "delete", "reference": ben["id"]}


def test_conflict_names_the_fields_whose_values_occur_once(crmkit, project):
    assert crmkit("user", "create", "Eve", "--email", "ada@acme.example", code=1).stderr.splitlines() == [
        "Error [conflict]: core.user: this write conflicts with another record.",
        "  - No two records have the same: email.",
    ]


def test_shell_opens_a_prompt(crmkit, project):
    result = crmkit("shell", input="print(crm.config.company.name)\n")
    assert "Acme" in result.stdout
    assert "you, Ada Winter" in result.stderr


@pytest.mark.parametrize(("command", "package"), [("serve", "granian"), ("openapi", "litestar")])
def test_http_api_without_its_extra_says_what_to_install(project, crmkit, monkeypatch, command, package):
    for name in [name for name in sys.modules if name.startswith("crmkit.rest.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    assert crmkit(command, "--json", code=1).error["message"].endswith("pip install 'crmkit[rest]'.")
