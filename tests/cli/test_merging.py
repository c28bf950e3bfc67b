"""``crmkit merge`` and ``unmerge``: looked at first, done, and taken back."""

import shutil

import pytest


@pytest.fixture(scope="module")
def _acme(tmp_path_factory):
    from crmkit.cli.project import Project, make_project
    from crmkit.core.configuration.config import Company

    folder = tmp_path_factory.mktemp("pattern") / "acme"
    make_project(folder, Project(Company("Acme"), ["customers"], "Ada Winter", "ada@acme.example"))
    return folder


@pytest.fixture
def acme(_acme, elsewhere, monkeypatch):
    """Stand in the folder of a new CRM with customers."""
    shutil.copytree(_acme, elsewhere / "acme")
    monkeypatch.chdir(elsewhere / "acme")


@pytest.fixture
def twins(crmkit, acme):
    """Two contacts in the CRM, P-000001 and P-000002, who are one person."""
    made = "db.create_many([Contact(name='Anna Quint'), Contact(name='A. Quint', email='anna@example.org')])"
    crmkit("shell", "-c", f"with write() as db: {made}")


def contacts(crmkit):
    return crmkit("export", "customers.contact", "--format", "jsonl").stdout.count("\n")


def test_a_dry_run_shows_what_would_happen_and_changes_nothing(crmkit, twins):
    shown = crmkit("merge", "P-000001", "P-000002", "--choose", "name=P-000002", "--dry-run")
    assert shown.stdout.splitlines() == [
        "P-000002 A. Quint → P-000001 Anna Quint",
        "  name: A. Quint  (P-000002 A. Quint; Anna Quint | A. Quint)",
        "  email: anna@example.org  (P-000002 A. Quint; – | anna@example.org)",
    ]
    told = crmkit("merge", "P-000001", "P-000002", "--dry-run", "--json").json
    assert (told["merged"], told["refusal"], [field["name"] for field in told["fields"]]) == (
        False,
        None,
        ["name", "email"],
    )
    assert contacts(crmkit) == 2


@pytest.mark.long
def test_what_was_merged_is_found_under_its_old_number_and_can_be_taken_back(crmkit, twins):
    assert crmkit("merge", "P-000001", "P-000002", "--json").json["merged"] is True
    assert "merge" in crmkit("history", "P-000002").stdout
    assert contacts(crmkit) == 1

    assert crmkit("unmerge", "p-2").stdout == "P-000002 A. Quint is a record of its own again.\n"
    assert contacts(crmkit) == 2


@pytest.mark.long
@pytest.mark.parametrize(
    "command",
    [
        ("transfer", "P-000002", "--to", "Ada Winter"),
        ("share", "P-000002", "--user", "Ada Winter"),
        ("merge", "P-000001", "P-000002"),
    ],
    ids=lambda command: command[0],
)
def test_nothing_is_done_under_the_old_number_of_what_was_merged(crmkit, twins, command):
    crmkit("merge", "P-000001", "P-000002")
    before = crmkit("history", "P-000001", "--json").json

    assert crmkit(*command, "--json", code=1).error["code"] == "not-found"
    assert crmkit("history", "P-000001", "--json").json == before


def test_unmerging_tells_what_it_left_alone(crmkit, twins):
    crmkit("merge", "P-000001", "P-000002")
    crmkit("shell", "-c", "with write() as db: db.update(db.get(Contact, 'P-000001'), email='b@example.org')")
    (left,) = crmkit("unmerge", "customers.contact/P-000002", "--json").json["left"]
    assert (left["field"], left["reason"]) == ("email", "was changed since")


def test_what_was_never_merged_is_refused(crmkit, twins):
    assert crmkit("unmerge", "P-000001", "--json", code=1).error["code"] == "unknown-record"
    assert crmkit("merge", "P-000001", "P-000001", "--json", code=1).error["code"] == "validation"
    assert crmkit("merge", "P-000001", "P-000002", "--choose", "name", code=2)


@pytest.mark.long
def test_a_reviewed_file_merges_and_what_is_refused_can_be_corrected_and_applied(crmkit, twins, tmp_path):
    pairs = tmp_path / "pairs.csv"
    crmkit("shell", "-c", "with write() as db: db.create(Contact(name='Quint Anna'))")
    crmkit("customers", "find-duplicates", "--least", "30", "--csv", str(pairs))
    heading, row = pairs.read_text().splitlines()
    decided = dict(zip(heading.split(","), row.split(","), strict=True)) | {"decision": "merge", "winner": "P-000003"}
    pairs.write_text(f"{','.join(decided)}\n{','.join(decided.values())}\n,,,,,,merge,,P-1,P-2,\n")

    told = crmkit("customers", "find-duplicates", "--apply", str(pairs), "--json", code=1)
    assert (told.json["merged"], told.json["refused"][0]["line"]) == (1, 3)
    assert contacts(crmkit) == 2
    errors = told.json["errors"]
    assert errors == str(tmp_path / "pairs.errors.csv")
    shown = crmkit("customers", "find-duplicates", "--apply", errors, code=1).stdout
    assert "Line 3: " in shown
    assert f"Correct {errors} and apply it alone." in shown
    told = crmkit("customers", "find-duplicates", "--apply", str(pairs), "--json", code=1)
    assert (told.json["merged"], told.json["unchanged"]) == (0, 1)


def test_the_doctor_tells_whose_duplicates_are_not_found_and_a_worker_mends_it(crmkit, twins):
    import sqlite3

    def told():
        return [each["message"] for each in crmkit("doctor", "--json", code=None).json if each["check"] == "matching"]

    assert told() == []
    with sqlite3.connect("crm.db") as database:
        assert database.execute("DELETE FROM core_match_key").rowcount
    database.close()
    (message,) = told()
    assert "customers.contact" in message
    crmkit("db", "match-keys")
    crmkit("worker", "--until-idle")
    assert told() == []
