import errno
import os
import re
import sqlite3
import subprocess
import sys
from importlib.metadata import version

import pytest
import sqlalchemy.exc
from pg8000.exceptions import DatabaseError

from crmkit.cli.failures import as_crmkit_error
from crmkit.cli.root import COMMANDS

COMMANDS_PY = """
import click

@click.group("orders", help="Look after orders.")
def cli():
    pass

@cli.command(help="Say who acts.")
@click.option("--shout", is_flag=True)
@click.pass_obj
def who(session, shout):
    with session.reader() as db:
        session.show({"name": db.access.name, "shout": shout})
"""


def test_help_lists_every_command_with_what_it_is_for(crmkit, elsewhere):
    shown = " ".join(crmkit("--help").stdout.split())
    for name, text in COMMANDS.items():
        assert f"{name} {text}" in shown
    assert "Plugins:" not in shown


def test_version_is_shown(crmkit, elsewhere):
    assert crmkit("--version").stdout == f"crmkit {version('crmkit')}\n"


def test_no_arguments_show_the_help(crmkit, elsewhere):
    assert "Commands:" in crmkit(code=2).stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_the_options_that_all_share(crmkit, elsewhere, name):
    shown = crmkit(name, "--help").stdout
    assert shown.startswith(f"Usage: crmkit {name}")
    assert "--as PERSON" in shown
    assert "--json" in shown


def test_help_imports_nothing_heavy(elsewhere):
    code = (
        "import sys\n"
        "from crmkit.cli.root import root\n"
        "root(['--help'], standalone_mode=False)\n"
        "print({'sqlalchemy', 'rich', 'lark', 'attr', 'msgspec', 'alembic', 'celpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("set()")


def test_command_that_touches_no_database_does_not_import_it(project):
    code = (
        "import sys\n"
        "from crmkit.cli.root import root\n"
        "root(['config', 'show'], standalone_mode=False)\n"
        "print('sqlalchemy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("False")


def test_misspelt_command_is_a_usage_error_with_the_close_one(crmkit, elsewhere):
    assert "No such command 'expot'. Did you mean 'export'?" in crmkit("expot", code=2).stderr


def test_common_options_are_taken_before_and_behind_the_command(crmkit, project):
    behind = crmkit("user", "list", "--json").json
    assert behind == crmkit("--json", "user", "list").json == crmkit("user", "--json", "list").json
    assert [user["name"] for user in behind] == ["Ada Winter"]


def test_option_behind_the_command_goes_before_one_in_front(crmkit, project):
    error = crmkit("--as", "nobody", "user", "list", "--as", "Someone", "--json", code=1).error
    assert error["facts"]["reference"] == "Someone"


def test_error_is_one_sentence_with_its_code_on_standard_error(crmkit, project):
    result = crmkit("user", "show", "Bob", code=1)
    assert (result.stdout, result.stderr) == ("", "Error [unknown-name]: There is no user 'Bob'.\n")


def test_error_is_an_object_on_standard_error_for_programs(crmkit, project):
    result = crmkit("user", "show", "Bob", "--json", code=1)
    assert result.stdout == ""
    assert result.error == {
        "code": "unknown-name",
        "message": "There is no user 'Bob'.",
        "facts": {"entity": "user", "reference": "Bob", "options": []},
    }


def test_error_nobody_foresaw_shows_no_traceback_without_debug(crmkit, project, enable, foreign_plugin):
    foreign_plugin("orders", commands=COMMANDS_PY.replace("session.show(", "undefined("))
    enable("orders")

    result = crmkit("orders", "who", code=1)
    assert result.stderr.startswith("Error [unexpected]: Something in crmkit or a plugin is broken: NameError")
    with pytest.raises(NameError):
        crmkit("orders", "who", "--debug")


def test_several_reasons_stand_on_lines_of_their_own(crmkit, project, enable):
    enable("nosuch", "neither")
    result = crmkit("user", "list", code=1)
    assert result.stderr.splitlines()[0] == "Error [plugin]: Plugins cannot be loaded:"
    assert [line[:13] for line in result.stderr.splitlines()[1:]] == ["  - nosuch: t", "  - neither: "]


def test_command_outside_a_project_says_how_to_make_one(crmkit, elsewhere):
    assert "make one with: crmkit init DIR" in crmkit("user", "list", code=1).stderr


def test_nobody_acts_where_nobody_is_named(crmkit, project, monkeypatch):
    path = project / "crm.toml"
    path.write_text(re.sub(r"(?m)^user = .*$", "", path.read_text("utf-8")), "utf-8")
    assert "Error [nobody]: Say who acts: give --as PERSON" in crmkit("user", "list", code=1).stderr
    monkeypatch.setenv("CRM_USER", "Ada Winter")
    crmkit("user", "list")


@pytest.mark.long
def test_database_without_tables_says_what_to_do(crmkit, project):
    with sqlite3.connect(project / "crm.db") as database:
        database.execute("DELETE FROM core_revision")
    result = crmkit("user", "list", code=1)
    assert "Error [database-not-migrated]: The database lacks" in result.stderr
    assert "Run: crmkit db apply" in result.stderr


def test_missing_database_is_not_replaced_by_an_empty_one(crmkit, project):
    (project / "crm.db").unlink()
    for command in (["user", "list"], ["doctor"]):
        result = crmkit(*command, "--json", code=1)
        assert f"There is no database {project / 'crm.db'}." in result.stdout + result.stderr
    assert not (project / "crm.db").exists()
    crmkit("db", "apply")
    crmkit("user", "create", "Ada Winter", "--email", "ada@acme.example", "--role", "core.administrator")
    crmkit("doctor")


def test_database_of_a_newer_version_is_refused(crmkit, project):
    with sqlite3.connect(project / "crm.db") as database:
        database.execute("INSERT INTO core_revision VALUES ('core_0999', 'core', '2026-01-01T00:00:00.000000+00:00')")
    result = crmkit("user", "list", code=1)
    assert result.stderr.startswith("Error [revisions-missing]: The database holds what 'core' made")


def test_nobody_works_without_a_plugin_by_accident(crmkit, project, enable):
    enable("workspace")
    crmkit("db", "apply")
    enable()
    for command in (["user", "list"], ["db", "check"], ["doctor"]):
        result = crmkit(*command, code=1)
        assert "The database holds what 'workspace' made" in result.stdout + result.stderr
        assert "to do without it for now, name it there and add --without workspace" in result.stdout + result.stderr
    crmkit("user", "list", "--no-plugins")
    enable("workspace")
    crmkit("user", "list", "--without", "workspace")


def test_message_of_postgresql_is_shown_without_its_protocol():
    sent = DatabaseError({"S": "FATAL", "C": "3D000", "M": 'database "nodb" does not exist', "R": "InitPostgres"})
    error = as_crmkit_error(sqlalchemy.exc.ProgrammingError("", {}, sent))
    assert (error.code, error.facts["reason"]) == ("database", 'database "nodb" does not exist')


def test_disk_that_is_full_is_no_fault_of_crmkit():
    error = as_crmkit_error(OSError(errno.ENOSPC, "No space left on device"))
    assert (error.code, str(error)) == ("file", "Cannot read or write: No space left on device")
    assert as_crmkit_error(OSError("something else")).code == "unexpected"


def test_database_that_does_not_answer_is_no_traceback(crmkit, project, monkeypatch):
    monkeypatch.setenv("CRM_DATABASE_URL", "postgresql+psycopg://crm:geheim@127.0.0.1:1/crm")
    result = crmkit("user", "list", code=1)
    assert "Error [database-unreachable]: The database cannot be reached, or went away: connection" in result.stderr
    assert "geheim" not in result.stderr


def test_config_names_another_project(crmkit, project, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert crmkit("user", "list", "--config", project / "crm.toml", "--json").json[0]["name"] == "Ada Winter"


# Groups of plugins.


def test_group_of_an_enabled_plugin_is_listed_with_its_summary_and_not_imported(
    crmkit, project, enable, foreign_plugin
):
    foreign_plugin("orders", commands="raise RuntimeError('imported')")
    enable("orders")
    assert re.search(r"Plugins:\n  orders  All about orders\n", crmkit("--help").stdout)
    assert "acme_orders" not in sys.modules


def test_plugin_without_commands_is_not_listed(crmkit, project, enable, foreign_plugin):
    foreign_plugin("orders")
    enable("orders")
    assert "orders" not in crmkit("--help").stdout


@pytest.mark.long
def test_command_of_a_plugin_takes_the_common_options_and_acts_as_the_person(crmkit, project, enable, foreign_plugin):
    foreign_plugin("orders", commands=COMMANDS_PY)
    enable("orders")
    crmkit("user", "create", "王芳")

    assert crmkit("orders", "who", "--json").json == {"name": "Ada Winter", "shout": False}
    assert crmkit("orders", "who", "--json", "--as", "王芳", "--shout").json == {"name": "王芳", "shout": True}
    assert crmkit("orders", "who").stdout == "name   Ada Winter\nshout  no\n"


def test_command_of_a_plugin_that_is_not_enabled_is_refused(crmkit, project, foreign_plugin):
    foreign_plugin("orders", commands=COMMANDS_PY)
    assert "Error [plugin-not-enabled]: 'orders' is installed but not enabled" in crmkit("orders", "who", code=1).stderr


def test_broken_commands_of_a_plugin_name_it_and_leave_the_others_alone(crmkit, project, enable, foreign_plugin):
    foreign_plugin("orders", commands="import nosuchmodule")
    enable("orders")
    error = crmkit("orders", "who", code=1).stderr
    assert "Error [declaration]: orders: importing its commands failed: ModuleNotFoundError: No module named" in error
    crmkit("user", "list")


def test_names_of_core_commands_are_reserved(crmkit, project, enable, foreign_plugin):
    foreign_plugin("user", commands=COMMANDS_PY)
    enable("user")
    error = crmkit("user", "list", code=1).stderr
    assert "user: its commands would stand under crmkit user, which is a command of crmkit" in error
    crmkit("user", "list", "--no-plugins")


def test_safe_mode_gets_past_a_plugin_that_does_not_load(crmkit, project, enable, foreign_plugin):
    foreign_plugin("orders", manifest="raise RuntimeError('broken')")
    enable("orders")
    assert "importing it failed: RuntimeError: broken" in crmkit("user", "list", code=1).stderr
    crmkit("user", "list", "--no-plugins")
    crmkit("user", "list", "--without", "orders")


def test_plugin_left_out_takes_those_along_that_require_it(crmkit, project, enable, foreign_plugin):
    foreign_plugin("orders")
    manifest = """
        from crmkit import Plugin, Text
        PLUGIN = Plugin(name="bills", version="1.0", label="Bills", requires=["orders"])
    """
    foreign_plugin("bills", manifest=manifest.replace(", Text", ""))
    enable("orders", "bills")
    assert "Left out as well, because they require it: bills" in crmkit("user", "list", "--without", "orders").stderr


def test_leaving_out_what_is_not_enabled_is_refused(crmkit, project, enable, foreign_plugin):
    assert "--without: 'sale' is not enabled" in crmkit("user", "list", "--without", "sale", code=1).stderr


# In other languages.


def test_help_and_commands_speak_the_language_of_the_company(crmkit, project, monkeypatch, foreign_plugin, enable):
    package = foreign_plugin("orders", commands=COMMANDS_PY)
    enable("orders")
    write_catalogue(package, {"All about orders": "关于订单", "Say who acts.": "谁在操作"})
    assert "关于订单" in crmkit("--locale", "zh_CN", "--help").stdout
    assert "谁在操作" in crmkit("--locale", "zh_CN", "orders", "who", "--help").stdout
    monkeypatch.setenv("CRM_COMPANY_LOCALE", "zh_CN")
    assert "关于订单" in crmkit("--help").stdout
    assert "All about orders" in crmkit("--locale", "en", "--help").stdout


def write_catalogue(package, texts):
    from babel.messages.catalog import Catalog
    from babel.messages.mofile import write_mo

    catalogue = Catalog(locale="zh_CN")
    for source, translation in texts.items():
        catalogue.add(source, translation)
    folder = package / "locales" / "zh_CN" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "messages.mo").open("wb") as file:
        write_mo(file, catalogue)


def test_machine_decides_on_the_language_until_there_is_a_company(crmkit, elsewhere):
    chinese, german = {"LANG": "zh_CN.UTF-8"}, {"LANG": "zh_CN.UTF-8", "LC_ALL": "de_DE.UTF-8@euro"}
    assert "构建并运行公司自己的 CRM" in crmkit("--help", environ=chinese).stdout
    assert "Build and run a company's own CRM" in crmkit("--help", environ=german).stdout

    assert "已为 Acme 创建 acme" in crmkit("init", "acme", "--no-plugins", environ=chinese).stdout
    company = ("--config", "acme/crm.toml")
    assert crmkit("config", "show", *company, "--json").json["settings"][3]["value"] == "zh_CN"
    assert "没有内容" in crmkit("team", "list", *company, environ=german).stdout


def test_unknown_language_is_refused(crmkit, project):
    assert (
        "--locale: 'zh-cn' is no language; did you mean 'zh_CN'?"
        in crmkit("user", "list", "--locale", "zh-cn", code=1).stderr
    )


# As the shell starts it.


@pytest.mark.long
def test_installed_program_prints_what_the_terminal_can_show_and_ends_with_an_exit_code(crmkit, project):
    def run(*arguments, **environ):
        program = os.path.join(os.path.dirname(sys.executable), "crmkit")
        return subprocess.run([program, *arguments], capture_output=True, env={**os.environ, **environ})

    crmkit("user", "create", "王芳")
    shown = run("user", "list")
    assert (shown.returncode, "王芳" in shown.stdout.decode()) == (0, True)
    assert "\\u738b" in run("user", "list", PYTHONIOENCODING="latin-1").stdout.decode()
    assert run("user", "show", "nobody").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["user", "list", "--nosuch"], "--nosuch"),
        (["--nosuch", "user", "list"], "--nosuch"),
        (["user", "show"], "PERSON"),
        (["user", "nosuch"], "nosuch"),
        (["usre"], "usre"),
        (["user"], "command"),
        ([], "command"),
    ],
)
def test_wrong_usage_is_told_to_programs_in_json(crmkit, project, arguments, words):
    for call in ([*arguments, "--json"], ["--json", *arguments]):
        result = crmkit(*call, code=2)
        assert result.stdout == ""
        assert result.error["code"] == "usage"
        assert words.lower() in result.error["message"].lower()
        assert result.error["facts"]["usage"].startswith("Usage: crmkit")
    assert "Usage: crmkit" in crmkit(*arguments, code=2).stderr
