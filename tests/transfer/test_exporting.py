from __future__ import annotations

import io
import json
from datetime import date
from pathlib import Path

import pytest

from crmkit import Money, User
from crmkit.core.errors import CrmkitError, ForbiddenError, UnknownFieldError
from crmkit.testing import both_databases
from crmkit.transfer.errors import ExportTargetError
from crmkit.transfer.exporting import export
from crmkit.transfer.sources import open_source
from tests.transfer.shop import Company, Deal


@pytest.fixture
def deals(crm, person):
    """Two clerks with a deal each, one of them with a company."""
    ann, bob = person("Ann", "shop.clerk"), person("Bob", "shop.clerk")
    with crm.write(ann) as db:
        acme = db.create(Company(name="Acme", city="=Berlin"))
        db.create(Deal(name="First", company_id=acme.id, amount=Money.of("12.5", "EUR"), closed_on=date(2026, 1, 2)))
    with crm.write(bob) as db:
        db.create(Deal(name="Second"))
    return ann, bob


@pytest.fixture
def exported(crm, system, tmp_path):
    """Export and read the file back."""

    def run(entity=Deal, principal=system, ending="csv", **options):
        path = tmp_path / f"out.{ending}"
        with crm.read(principal) as db:
            count = export(db, entity, path, **options)
        with open_source(path) as source:
            rows = [list(row.cells) for row in source.rows()]
            assert len(rows) == count
            return source.columns, rows

    return run


@both_databases
def test_all_readable_fields_are_exported(exported, deals):
    columns, rows = exported(order_by="id")

    assert columns[:3] == ("id", "version", "created_at")
    assert {"amount", "amount_currency", "stage", "owner_id"} <= set(columns)
    assert not {"custom", "deleted_at"} & set(columns)
    first = dict(zip(columns, rows[0], strict=True))
    assert (first["name"], first["amount"], first["amount_currency"], first["closed_on"], first["stage"]) == (
        "First",
        "12.50",
        "EUR",
        "2026-01-02",
        "new",
    )


@both_databases
def test_fields_rule_and_order_are_obeyed(exported, deals):
    columns, rows = exported(fields=["name", "company.city", "company.name"], order_by="-name")
    assert columns == ("name", "company.city", "company.name")
    assert rows == [["Second", "", ""], ["First", "=Berlin", "Acme"]]

    assert exported(fields=["name"], where='name == "First"')[1] == [["First"]]
    assert exported(fields=["name"], where=Deal.f.amount > Money.of(10, "EUR"))[1] == [["First"]]


def test_a_workbook_has_numbers_and_dates(exported, deals):
    columns, rows = exported(ending="xlsx", fields=["name", "amount", "closed_on"], order_by="name")

    assert columns == ("name", "amount", "amount_currency", "closed_on")
    assert rows[0] == ["First", 12.5, "EUR", date(2026, 1, 2)]


def test_json_lines_keep_money_together(crm, system, deals):
    file = io.BytesIO()

    with crm.read(system) as db:
        export(db, Deal, file, fields=["name", "amount"], order_by="name", format="jsonl")

    assert [json.loads(line) for line in file.getvalue().splitlines()] == [
        {"name": "First", "amount": {"amount": "12.50", "currency": "EUR"}},
        {"name": "Second", "amount": None},
    ]


# The wall


@both_databases
def test_a_person_exports_its_own_records(exported, deals):
    ann, bob = deals

    assert exported(principal=ann, fields=["name"])[1] == [["First"]]
    assert exported(principal=bob, fields=["name"])[1] == [["Second"]]


def test_what_is_only_shared_for_reading_is_not_exported(crm, exported, deals, person):
    """A share shows a record; taking it away is another right."""
    _ann, bob = deals
    with crm.system("test") as db:
        db.share(db.find(Deal, Deal.f.name == "First")[0], user=bob.user_id)

    with crm.read(bob) as db:
        assert {deal.name for deal in db.find(Deal)} == {"First", "Second"}
    assert exported(principal=bob, fields=["name"])[1] == [["Second"]]


def test_without_the_verb_nothing_is_exported(crm, tmp_path, person):
    reader = person("Eve", "shop.reader")

    with crm.read(reader) as db, pytest.raises(ForbiddenError):
        export(db, Company, tmp_path / "out.csv")

    assert not (tmp_path / "out.csv").exists()


def test_a_hidden_field_is_refused_like_one_that_does_not_exist(crm, tmp_path, deals):
    ann, _bob = deals
    said = []
    for name in ("secret", "secrex", "parent.secret", "parent.secrex"):
        with crm.read(ann) as db, pytest.raises(UnknownFieldError) as caught:
            export(db, Company, tmp_path / "out.csv", fields=[name])
        said.append(str(caught.value).replace(name, "…"))

    assert len(set(said)) == 1
    with crm.read(ann) as db:
        export(db, Company, tmp_path / "out.csv")
    assert "secret" not in (tmp_path / "out.csv").read_text("utf-8-sig")


def test_a_record_behind_a_reference_that_is_not_visible_is_empty(crm, exported, deals):
    _ann, bob = deals
    with crm.system("test") as db:
        db.transfer(db.find(Deal, Deal.f.name == "First")[0], bob.user_id)

    rows = exported(principal=bob, fields=["name", "company.name"], order_by="name")[1]

    assert rows == [["First", ""], ["Second", ""]]


def test_pages_follow_each_other(crm, exported, monkeypatch):
    monkeypatch.setattr("crmkit.transfer.exporting._PAGE", 7)
    with crm.system("test") as db:
        db.create_many([User(name=f"User {n:03}") for n in range(50)])
    seen = []

    rows = exported(User, fields=["name"], order_by="name", show=seen.append)[1]

    assert rows == [[f"User {n:03}"] for n in range(50)]
    assert (seen[-1].total, seen[-1].done) == (50, True)


def test_what_is_exported_is_imported_again(crm, load, exported, deals, tmp_path):
    exported(Company, fields=["id", "name", "city", "founded"])
    plan = """
    system = "self"
    [[step]]
    file = "out.csv"
    entity = "shop.company"
    external_id = "{id}"
    on_new = "create"
    [step.fields]
    name = { text = "{name} again" }
    city = "city"
    founded = "founded"
    """

    assert load(plan, tmp_path / "out.csv").steps[0].created == 1

    with crm.system("test") as db:
        assert {company.city for company in db.find(Company)} == {"=Berlin"}


@pytest.mark.parametrize(("option", "value"), [("where", "nosuch == 1"), ("order_by", "nosuch")])
def test_nothing_is_written_before_the_question_is_understood(crm, system, option, value):
    stream = io.BytesIO()
    with crm.read(system) as db, pytest.raises(CrmkitError):
        export(db, Deal, stream, **{option: value})
    assert stream.getvalue() == b""


def test_folder_and_a_name_without_a_format_are_nothing_to_export_to(crm, system, tmp_path):
    def refused(target):
        with crm.read(system) as db, pytest.raises(ExportTargetError) as caught:
            export(db, Deal, target)
        return str(caught.value)

    assert refused(Path(".")) == ".: is a folder; name a file in it"
    assert refused(tmp_path) == f"{tmp_path}: is a folder; name a file in it"
    assert refused(Path("deals")) == (
        "deals: its ending names no format; end it in .csv, .xlsx or .jsonl, or say which format it is"
    )
