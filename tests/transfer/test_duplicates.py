"""An import tells, or refuses, who is likely there already, as far as the plan asks and the importer may know."""

import csv

import pytest

from crmkit import Grant, Mask
from crmkit.core.reading.matches import find_shared_keys
from crmkit.plugins.customers.entities import Contact
from crmkit.testing import both_databases
from crmkit.transfer.checkpoint import CheckpointStore
from crmkit.transfer.errors import PlanError
from crmkit.transfer.plan_file import parse_plan

CONTACTS = "id,name,email\n1,Anna Quint,anna@example.org\n2,A. Quint,Anna@Example.org\n3,Bo,bo@example.org\n"


def plan(duplicates="report", more=""):
    return f"""
    system = "old"
    [[step]]
    file = "people.csv"
    entity = "customers.contact"
    external_id = "{{id}}"
    duplicates = "{duplicates}"
    {more}
    [step.fields]
    name = "name"
    email = "email"
    """


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm("customers", database=database, clock=clock)


@pytest.fixture
def bo(crm):
    with crm.system("test") as db:
        return db.create(Contact(name="Bo", email="bo@example.org"))


def numbers(crm):
    with crm.system("test") as db:
        return sorted(record.name for record in db.find(Contact))


@both_databases
def test_likely_duplicates_are_counted_and_written_as_pairs(crm, bo, load, folder, tmp_path):
    pairs = tmp_path / "pairs.csv"
    report = load(plan(), folder(people=CONTACTS), duplicates=pairs)
    assert (report.steps[0].created, report.steps[0].duplicates, report.rejected) == (3, 2, 0)
    with pairs.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with crm.system("test") as db:
        by_name = {record.name: str(record.id) for record in db.find(Contact, Contact.f.id != bo.id)}
    assert [(row["line"], row["score"], row["one_id"], row["other_id"]) for row in rows] == [
        ("3", "92", by_name["Anna Quint"], by_name["A. Quint"]),
        ("4", "100", str(bo.id), by_name["Bo"]),
    ]
    # What is there already is no new record, and nobody's duplicate.
    again = load(plan(), folder(people=CONTACTS), duplicates=pairs)
    assert (again.steps[0].unchanged, again.steps[0].duplicates) == (3, 0)


@both_databases
def test_likely_duplicates_are_refused_with_whom_they_resemble(crm, bo, load, folder):
    report = load(plan("refuse"), folder(people=CONTACTS))
    assert (report.steps[0].created, report.steps[0].duplicates, report.rejected) == (1, 2, 2)
    assert [problem.why() for problem in report.problems] == [
        "likely the same as line 2, by 92 points of 100",
        f"likely the same as {bo.number}, by 100 points of 100",
    ]
    assert numbers(crm) == ["Anna Quint", "Bo"]


def test_fewer_points_than_the_plan_asks_for_are_nothing(crm, bo, load, folder):
    assert load(plan("refuse", "duplicates_from = 95"), folder(people=CONTACTS)).rejected == 1


def test_nothing_is_looked_for_unless_the_plan_asks(crm, bo, load, folder):
    assert load(plan("ignore"), folder(people=CONTACTS)).steps[0].duplicates == 0


def test_a_dry_run_tells_the_same_and_writes_no_file(crm, bo, load, folder, tmp_path):
    report = load(plan(), folder(people=CONTACTS), duplicates=tmp_path / "pairs.csv", dry_run=True)
    assert report.steps[0].duplicates == 2
    assert not (tmp_path / "pairs.csv").exists()


@both_databases
def test_a_hidden_record_is_told_to_those_alone_who_may_know(crm, people, bo, load, folder):
    own = Grant("customers.contact", ["read", "create", "update"], "own")
    plain = people.user("Plain", roles=[people.role("plain", [own])])
    knows = Grant("customers.contact", ["see_duplicates"], "all")
    steward = people.user("Steward", roles=[people.role("steward", [own, knows])])
    text = "id,name,email\n1,Bo,bo@example.org\n2,Cy,cy@example.org\n"
    refused = load(plan("refuse"), folder(people=text), principal=steward)
    assert [(problem.facts["line"], problem.why()) for problem in refused.problems] == [
        (2, "there is one already that you may not see")
    ]
    only_hers = "".join(text.splitlines(keepends=True)[:2])
    assert load(plan("refuse"), folder(people=only_hers), principal=plain).rejected == 0


def test_a_hidden_field_finds_nobody(crm, people, bo, folder, load):
    grants = [Grant("customers.contact", ["read", "create", "update"], "all")]
    masked = people.user("Masked", roles=[people.role("masked", grants, [Mask("customers.contact", ["email"])])])
    text = plan("refuse").replace('email = "email"', "")
    assert load(text, folder(people="id,name,email\n1,Somebody,bo@example.org\n"), principal=masked).rejected == 0


def test_it_asks_as_many_statements_for_many_keys_as_for_one(crm, bo):
    def statements(keys):
        ran = []
        with crm.system("test") as db:
            db._connection.connection.dbapi_connection.set_trace_callback(ran.append)
            found = find_shared_keys(db, Contact.__entity__, keys)
            db._connection.connection.dbapi_connection.set_trace_callback(None)
        assert [record.id for record in found.records["email:bo@example.org"]] == [bo.id]
        return len(ran)

    many = [f"email:{number}@example.org" for number in range(500)]
    # The keys, and the records that have them.
    assert statements(["email:bo@example.org"]) == statements(["email:bo@example.org", *many]) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (plan("maybe"), "ignore, report, refuse"),
        (plan("report", "duplicates_from = 0"), "points from 1 to 100"),
    ],
)
def test_a_plan_that_says_something_else_is_refused(text, told):
    with pytest.raises(PlanError, match=told):
        parse_plan(text)


def test_a_plan_is_refused_whose_records_nothing_recognises(crm, load, folder):
    text = 'system = "old"\n[[step]]\nfile = "tags.csv"\nentity = "customers.interaction"\nexternal_id = "{id}"\n'
    text += 'duplicates = "report"\n[step.fields]\nkind = "kind"\nsubject = "id"\n'
    text += 'started_at = { value = "2026-01-01T00:00:00Z" }\n'
    with pytest.raises(PlanError, match="nothing says by what records of customers.interaction"):
        load(text, folder(tags="id,kind\n1,call\n"))


def test_a_run_that_stops_half_way_writes_each_pair_once(crm, load, folder, tmp_path, monkeypatch):
    pairs = tmp_path / "pairs.csv"
    rows = "".join(f"{n},Person {n},p{n % 150}@example.org\n" for n in range(300))
    people = folder(people=f"id,name,email\n{rows}")
    save, calls = CheckpointStore.save, []

    def stopping(store, writer, checkpoint):
        calls.append(checkpoint.rows)
        if len(calls) == 2:
            raise KeyboardInterrupt
        save(store, writer, checkpoint)

    monkeypatch.setattr(CheckpointStore, "save", stopping)
    with pytest.raises(KeyboardInterrupt):
        load(plan(), people, duplicates=pairs)
    report = load(plan(), people, duplicates=pairs)
    assert (report.resumed, report.steps[0].created, report.steps[0].duplicates) == (True, 300, 150)
    with pairs.open(newline="") as file:
        lines = [int(row["line"]) for row in csv.DictReader(file)]
    assert lines == list(range(152, 302))
