"""What somebody is handed who asks what is kept about them."""

import json
import zipfile

import pytest

from crmkit import ForbiddenError, Grant, Mask, NotFoundError
from crmkit.plugins.customers.entities import Contact
from crmkit.plugins.workspace.entities import File
from crmkit.testing import both_databases
from crmkit.transfer.dossier import export_person
from tests.core.privacy.somebody import CANARY, make_somebody, sell_to


@pytest.fixture
def contact(crm, officer):
    return make_somebody(crm, officer)


def handed_out(crm, principal, contact, file):
    with crm.read(principal) as db:
        made = export_person(db, contact, crm.contents, file)
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        parts = {name: archive.read(name) for name in archive.namelist()}
    records = {
        name.removeprefix("records/").removesuffix(".jsonl"): [json.loads(line) for line in data.splitlines()]
        for name, data in parts.items()
        if name.startswith("records/")
    }
    return made, parts, records


@pytest.mark.long
@both_databases
def test_archive_holds_everything_about_the_person(crm, officer, contact, tmp_path):
    _deal, _invoice = sell_to(crm, contact)
    made, parts, records = handed_out(crm, officer, contact, tmp_path / "quint.zip")

    about_themselves = next(r for r in records["customers.contact"] if r["fields"]["id"] == str(contact.id))
    assert about_themselves["fields"]["club.nickname"] == f"{CANARY} nick"
    assert about_themselves["fields"]["custom.shoe"] == f"{CANARY} 42"
    assert about_themselves["external_ids"] == {"old": [f"{CANARY}-7"]}
    assert about_themselves["history"][0]["changes"]["name"] == [None, f"{CANARY} name"]
    assert [share["level"] for share in about_themselves["shares"]] == ["read"]
    assert {"customers.interaction", "workspace.task", "workspace.comment", "sales.lead", "club.invoice"} <= set(
        records
    )
    assert "sales.deal" not in records
    (file,) = records["workspace.file"]
    assert parts[file["file"]] == CANARY.encode()
    assert f"{CANARY}@example.org" in parts["index.html"].decode()
    manifest = json.loads(parts["manifest.json"])
    assert (manifest["records"], manifest["files"], manifest["left_out"]) == (made.records, 1, 0)


def test_what_the_principal_may_not_read_is_not_in_it_and_not_told(crm, contact, people, tmp_path):
    grants, masks = [Grant("customers.contact", ["read", "export"], "all")], [Mask("customers.contact", ["email"])]
    clerk = people.user("Carl", roles=[people.role("clerk", grants, masks)])
    made, parts, records = handed_out(crm, clerk, contact, tmp_path / "quint.zip")

    assert (made.records, made.left_out) == ({"customers.contact": 1}, 0)
    everything = b"".join(parts.values())
    assert b"@example.org" not in everything
    assert b"email" not in everything
    assert set(records) == {"customers.contact"}


def test_what_the_principal_reads_and_may_not_export_is_counted(crm, contact, people, tmp_path):
    grants = [Grant("customers.contact", ["read", "export"], "all"), Grant("customers.interaction", ["read"], "all")]
    clerk = people.user("Carl", roles=[people.role("clerk", grants)])
    made, _parts, records = handed_out(crm, clerk, contact, tmp_path / "quint.zip")

    assert (made.left_out, set(records)) == (1, {"customers.contact"})


def test_whoever_may_not_export_the_person_is_refused_and_nothing_is_written(crm, contact, people, tmp_path):
    reader = people.user("Rita", roles=[people.role("reading", [Grant("customers.contact", ["read"], "all")])])
    for principal, error in ((reader, ForbiddenError), (people.user("Nora"), NotFoundError)):
        with crm.read(principal) as db, pytest.raises(error):
            export_person(db, contact, crm.contents, tmp_path / "quint.zip")
    assert list(tmp_path.glob("*quint*")) == []


def test_what_people_wrote_is_no_markup_on_the_page(crm, officer, tmp_path):
    with crm.write(officer) as db:
        contact = db.create(Contact(name="<script>alert(1)</script>"))
    _made, parts, _records = handed_out(crm, officer, contact, tmp_path / "a.zip")
    assert b"<script>" not in parts["index.html"]


@pytest.mark.long
def test_content_that_is_missing_is_told(crm, officer, contact, tmp_path):
    with crm.read(officer) as db:
        (file,) = db.find(File)
    crm.contents.remove(file.content_hash, 1e12)
    made, _parts, _records = handed_out(crm, officer, contact, tmp_path / "quint.zip")
    assert (made.files, len(made.lost)) == (0, 1)
