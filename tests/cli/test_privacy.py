"""``crmkit privacy``: what is kept about people, looked at and erased."""

import shutil
import zipfile
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def _acme(tmp_path_factory):
    from crmkit.cli.project import Project, make_project
    from crmkit.core.configuration.config import Company

    folder = tmp_path_factory.mktemp("pattern") / "acme"
    make_project(folder, Project(Company("Acme"), ["customers"], "Ada Winter", "ada@acme.example"))
    return folder


@pytest.fixture
def acme(_acme, elsewhere, monkeypatch, crmkit):
    """Stand in the folder of a new CRM with one contact, P-000001."""
    shutil.copytree(_acme, elsewhere / "acme")
    monkeypatch.chdir(elsewhere / "acme")
    crmkit("shell", "-c", "with write() as db: db.create(Contact(name='Anna Quint', email='anna@example.org'))")


def test_map_lists_what_is_kept_about_people(crmkit, acme):
    found = {(each["entity"], each["field"]): each for each in crmkit("privacy", "map", "--json").json}
    assert found["customers.contact", "email"]["purpose"] == "contacting the person"
    assert found["customers.interaction", "body"]["people"]["customers.contact"] == "regarding"
    assert "contacting the person" in crmkit("privacy", "map").stdout


@pytest.mark.long
def test_erasure_is_shown_confirmed_and_done(crmkit, acme):
    shown = crmkit("privacy", "erase", "P-000001", "--dry-run").stdout.splitlines()
    assert shown[:2] == ["P-000001 Anna Quint", "  1 records of customers.contact go"]
    crmkit("privacy", "erase", "P-000001", code=2)

    done = crmkit("privacy", "erase", "P-000001", "--yes", "--json").json
    assert (done["erased"], done["records"][0]["count"]) == (True, 1)
    assert "anna@example.org" not in crmkit("export", "customers.contact", "--format", "jsonl").stdout
    assert b"anna@example.org" not in Path("crm.db").read_bytes()
    crmkit("verify")
    crmkit("privacy", "erase", "P-000001", code=1)


def test_somebody_in_the_bin_can_be_erased(crmkit, acme):
    crmkit("shell", "-c", "with write() as db: db.delete(db.find(Contact)[0])")
    assert crmkit("privacy", "erase", "P-000001", "--yes", "--json").json["erased"]


@pytest.mark.long
def test_restored_backup_is_cleared_of_whom_was_erased(crmkit, acme, monkeypatch):
    monkeypatch.setenv("CRM_BACKUP_PASSPHRASE", "correct horse battery staple")
    crmkit("backup", "old.backup")
    crmkit("privacy", "erase", "P-000001", "--yes")
    crmkit("privacy", "erasures", "erasures.jsonl")
    done = crmkit("restore", "old.backup", "--replace", "--erasures", "erasures.jsonl", "--json").json
    assert done["erased"] == 1
    assert "anna@example.org" not in crmkit("export", "customers.contact", "--format", "jsonl").stdout


def test_erasures_are_told_to_those_alone_who_may_erase_everything(crmkit, acme):
    crmkit("user", "create", "Paul", "--role", "core.member")
    refused = crmkit("privacy", "erasures", "erasures.jsonl", "--as", "Paul", code=1)
    assert "core.erasure: you may not read" in refused.stderr
    assert not Path("erasures.jsonl").exists()


def test_what_is_kept_about_a_person_is_handed_out(crmkit, acme):
    told = crmkit("privacy", "export", "P-000001", "--to", "anna.zip", "--json").json
    assert (told["records"], told["left_out"]) == ({"customers.contact": 1}, 0)
    with zipfile.ZipFile("anna.zip") as archive:
        assert b"anna@example.org" in archive.read("records/customers.contact.jsonl")


def test_retention_is_planned_and_run(crmkit, acme):
    rule = "RetentionRule(name='Old', entity='customers.contact', days=1)"
    crmkit("shell", "-c", f"from crmkit import RetentionRule\nwith write() as db: db.create({rule})")
    assert crmkit("privacy", "retention", "plan", "--json").json == [
        {"rule": "Old", "entity": "customers.contact", "action": "delete", "count": 0, "samples": []}
    ]
    done = crmkit("privacy", "retention", "run", "--yes", "--json").json
    assert done == [{"rule": "Old", "action": "delete", "done": 0, "left": 0}]
