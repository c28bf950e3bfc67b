import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PLAN = """
system = "old"

[[step]]
name = "teams"
file = "people.csv"
entity = "core.team"
external_id = "{team}"
distinct = ["team"]
fields = { name = "team" }

[[step]]
name = "people"
file = "people.csv"
entity = "core.user"
external_id = "{name}"
fields = { name = "name", email = "mail", team_id = { external_id = "{team}" } }
"""
PEOPLE = "name,mail,team\nBen,ben@acme.example,Sales\n王芳,wang@acme.example,Sales\n"


@pytest.fixture
def files(project):
    (project / "plan.toml").write_text(PLAN, "utf-8")
    (project / "people.csv").write_text(PEOPLE, "utf-8")
    return project


def run(crmkit, *arguments, code=0):
    return crmkit("import", "--plan", "plan.toml", "--source", ".", *arguments, code=code)


def counts(report):
    return {step["name"]: (step["created"], step["updated"], step["unchanged"]) for step in report["steps"]}


def test_import_creates_and_a_second_run_writes_nothing(crmkit, files):
    assert counts(run(crmkit, "--json").json) == {"teams": (1, 0, 0), "people": (2, 0, 0)}
    rows = crmkit("ledger", "verify", "--json").json
    again = run(crmkit, "--json").json
    assert (again["created"], again["updated"]) == (0, 0)
    assert crmkit("ledger", "verify", "--json").json == rows


def test_import_shows_a_table_of_its_steps(crmkit, files):
    lines = run(crmkit).stdout.splitlines()
    assert lines[0].split() == ["Step", "File", "Rows", "Created", "Updated", "Unchanged", "Skipped", "Refused"]
    assert lines[-1].split() == ["people", "people.csv", "2", "2", "0", "0", "0", "0"]


@pytest.mark.long
def test_dry_run_writes_nothing_and_says_so(crmkit, files):
    result = run(crmkit, "--dry-run")
    assert "A dry run: nothing was written." in result.stdout
    assert len(crmkit("user", "list", "--json").json) == 1


def test_one_step_is_run_alone(crmkit, files):
    assert counts(run(crmkit, "--step", "teams", "--json").json) == {"teams": (1, 0, 0)}
    assert "'team' is no step of this plan. Steps: teams, people" in run(crmkit, "--step", "team", code=2).stderr


def test_refused_rows_end_with_code_1_and_are_imported_alone_when_corrected(crmkit, files):
    (files / "people.csv").write_text(PEOPLE + "Carl,ben@acme.example,Sales\n", "utf-8")
    result = run(crmkit, code=1)
    assert "1 rows were refused." in result.stdout
    assert "Correct people.errors.csv and import it alone." in result.stdout
    errors = files / "people.errors.csv"
    errors.write_text(errors.read_text("utf-8-sig").replace("Carl,ben@", "Carl,carl@"), "utf-8")
    crmkit("import", "--plan", "plan.toml", "--source", "people.errors.csv")
    assert "Carl" in crmkit("user", "list").stdout


def test_reasons_that_are_not_shown_are_hinted_at(crmkit, files):
    (files / "people.csv").write_text("name,mail,team\n" + ",x@acme.example,Sales\n" * 20, "utf-8")
    assert "…" not in run(crmkit, "--step", "people", code=1).stdout.splitlines()
    (files / "people.csv").write_text("name,mail,team\n" + ",x@acme.example,Sales\n" * 30, "utf-8")
    assert run(crmkit, "--step", "people", code=1).stdout.splitlines()[-3:] == [
        "…",
        "30 rows were refused.",
        "Correct people.errors.csv and import it alone.",
    ]


def test_error_file_of_a_source_that_may_only_be_read_is_written_here(crmkit, files, monkeypatch):
    (files / "export").mkdir()
    (files / "export/people.csv").write_text(PEOPLE + ",no@acme.example,Sales\n", "utf-8")
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK or Path(path) != Path("export"))
    result = crmkit("import", "--plan", "plan.toml", "--source", "export", code=1)
    assert "Correct people.errors.csv and import it alone." in result.stdout
    assert os.listdir("export") == ["people.csv"]


def test_folder_for_error_files_is_made_where_it_is_not_there(crmkit, files):
    (files / "people.csv").write_text(PEOPLE + ",no@acme.example,Sales\n", "utf-8")
    run(crmkit, "--errors", "to/correct", "--dry-run", code=1)
    assert not Path("to").exists()
    run(crmkit, "--errors", "to/correct", code=1)
    assert os.listdir("to/correct") == ["people.errors.csv"]
    assert "is a file" in run(crmkit, "--errors", "plan.toml", code=2).stderr


def test_stopped_import_says_that_it_can_go_on(crmkit, files, enable, foreign_plugin):
    hooks = """
        from crmkit import hookimpl

        @hookimpl
        def crmkit_check_write(context, writes):
            raise KeyboardInterrupt
    """
    foreign_plugin("stop", hooks=hooks)
    enable("stop")
    assert "Stopped. The same command goes on after the last whole batch." in run(crmkit, code=1).stderr
    assert "Stopped" not in run(crmkit, "--dry-run", code=1).stderr


def test_import_is_written_by_the_person_who_acts(crmkit, files):
    crmkit("user", "create", "Ben")
    result = run(crmkit, "--as", "Ben", code=1)
    assert result.stderr.startswith("Error [") or "refused" in result.stdout


def test_progress_is_shown_on_standard_error_where_it_is_wanted(crmkit, files):
    shown = run(crmkit, "--progress").stderr.splitlines()
    assert [line.split(" rows, ")[0] for line in shown] == ["1/2 teams: 1", "2/2 people: 2"]
    assert run(crmkit).stderr == ""


def test_missing_plan_is_refused(crmkit, project):
    assert "Error [" in crmkit("import", "--plan", "none.toml", "--source", ".", code=1).stderr


# Export.


def test_export_writes_a_file_in_the_format_of_its_ending(crmkit, files):
    run(crmkit)
    result = crmkit(*"export core.user --fields name,team.name --order-by name -o people.csv --json".split())
    assert result.json == {"entity": "core.user", "file": "people.csv", "rows": 3}
    with open("people.csv", encoding="utf-8-sig") as file:
        assert list(csv.reader(file)) == [
            ["name", "team.name"],
            ["Ada Winter", ""],
            ["Ben", "Sales"],
            ["王芳", "Sales"],
        ]


def test_export_without_a_file_goes_to_standard_output(crmkit, files):
    run(crmkit)
    arguments = ("export", "core.user", "--where", 'team.name == "Sales"', "--fields", "name", "--order-by", "-name")
    assert crmkit(*arguments).stdout.lstrip("\ufeff").splitlines() == ["name", "王芳", "Ben"]
    lines = crmkit(*arguments, "--json").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [{"name": "王芳"}, {"name": "Ben"}]


@pytest.mark.long
def test_export_ends_quietly_when_whoever_reads_it_has_seen_enough(crmkit, files):
    rows = "".join(f"Person {number},p{number}@acme.example,Sales\n" for number in range(2000))
    (files / "people.csv").write_text(f"name,mail,team\n{rows}", "utf-8")
    run(crmkit)
    program = Path(sys.executable).with_name("crmkit")
    for more in ((), ("--json",)):
        export = subprocess.Popen(
            [program, "export", "core.user", *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert export.stdout.readline()
        export.stdout.close()
        assert (export.stderr.read(), export.wait()) == (b"", 0)
        export.stderr.close()


def test_export_of_a_misspelt_entity_names_the_close_one(crmkit, files):
    error = crmkit("export", "core.usr", code=1).stderr
    assert error == "Error [unknown-entity]: There is no entity 'core.usr'. Did you mean core.user?\n"
    assert crmkit("export", "x", code=1).stderr == "Error [unknown-entity]: There is no entity 'x'.\n"


def test_export_refuses_what_is_no_rule_and_what_is_no_field(crmkit, files):
    assert "Error [rule" in crmkit("export", "core.user", "--where", "name ==", code=1).stderr
    unknown = crmkit("export", "core.user", "--fields", "nosuch", code=1).stderr
    assert unknown == "Error [unknown-field]: core.user has no field 'nosuch'.\n"


@pytest.mark.parametrize(
    ("file", "reason"), [("none/x.csv", "No such file or directory"), ("plan.toml/x.csv", "Not a directory")]
)
def test_export_to_where_nothing_can_be_written_names_the_file(crmkit, files, file, reason):
    error = crmkit("export", "core.user", "-o", file, "--json", code=1).error
    assert error["code"] == "file"
    assert error["message"] == f"Cannot read or write: {file}.part: {reason}"


def test_export_needs_the_right_to_export(crmkit, files):
    crmkit("user", "create", "Ben")
    assert "Error [forbidden]" in crmkit("export", "core.user", "--as", "Ben", "-o", "x.csv", code=1).stderr
    assert not (files / "x.csv").exists()
