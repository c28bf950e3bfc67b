"""What people decide about likely duplicates is done, once, and remembered."""

import csv
from contextlib import contextmanager

import pytest

from crmkit import CrmkitError, Grant, Target, WriteRefusedError
from crmkit.plugins.customers import services
from crmkit.plugins.customers.entities import Company, Contact, NotDuplicate
from crmkit.testing import both_databases


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm("customers", database=database, clock=clock)


@pytest.fixture
def twins(crm):
    with crm.system("test") as db:
        return db.create_many([Contact(name=f"Anna Quint {n}", email="anna@example.org") for n in range(4)])


def pairs(db):
    return {(pair.one.name[-1], pair.other.name[-1]) for pair in services.duplicate_pairs(db, Contact)}


def written(path, *rows, columns=("decision", "winner", "losers", "one", "other", "reason")):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return path


def apply(crm, path, principal=None, entity=Contact):
    def writing():
        return crm.write(principal) if principal else crm.system("test")

    return services.apply_decisions(writing, entity, services.read_reviewed(path))


def counts(applied):
    return applied.merged, applied.told_apart, applied.unchanged, applied.skipped, len(applied.refused)


@both_databases
def test_whom_somebody_told_apart_no_search_finds(crm, twins):
    one, other, *_rest = twins
    with crm.system("test") as db:
        assert services.not_duplicates(db, other, one, "brothers") == services.not_duplicates(db, one, other)
        assert db.count(NotDuplicate) == 1
        assert ("0", "1") not in pairs(db)
        assert len(pairs(db)) == 5
        assert {each.record.name[-1] for each in services.find_duplicates(db, one).found} == {"2", "3"}
        db.delete(db.find(NotDuplicate)[0])
        assert ("0", "1") in pairs(db)


def test_a_decision_is_about_two_records_of_one_kind(crm, twins):
    with crm.system("test") as db:
        company = db.create(Company(name="Quint"))
        for other in (company, twins[0]):
            with pytest.raises(WriteRefusedError, match="two companies, or two contacts"):
                services.not_duplicates(db, twins[0], other)


@both_databases
def test_a_decision_follows_a_merge_and_goes_where_its_two_are_merged(crm, twins):
    first, second, third, fourth = twins
    with crm.system("test") as db:
        services.not_duplicates(db, second, third)
        first = db.merge(first, [second])
        assert ("0", "2") not in pairs(db)
        services.not_duplicates(db, first, fourth)
        first = db.merge(first, [third])
        (left,) = db.find(NotDuplicate)
        assert {left.one.id, left.other.id} == {first.id, fourth.id}
        db.unmerge(Contact, third.id)
        assert db.count(NotDuplicate) == 2
        assert pairs(db) == {("2", "3")}


@both_databases
def test_a_decision_about_a_hidden_record_is_hidden(crm, people, twins):
    decides = Grant("customers.not_duplicate", ["read", "create"], "all")
    own = Grant("customers.contact", ["read", "create"], "own")
    person = people.user("Plain", roles=[people.role("plain", [own, decides])])
    with crm.write(person) as db:
        mine = db.create(Contact(name="Mine"))
    with crm.system("test") as db:
        services.not_duplicates(db, db.get(Contact, mine.id), twins[0])
    with crm.read(person) as db:
        assert db.find(NotDuplicate) == []
    with crm.write(person) as db, pytest.raises(CrmkitError, match="no customers.contact"):
        db.create(NotDuplicate(one=Target.of(mine), other=Target.of(twins[0])))


@both_databases
def test_a_reviewed_file_is_done_once(crm, twins, tmp_path):
    with crm.system("test") as db:
        lone = db.create(Contact(name="Lone Quint"))
    first, second, third, fourth = twins
    path = written(
        tmp_path / "pairs.csv",
        {"decision": "merge", "winner": first.number, "losers": f"{second.number} {third.id}"},
        {"decision": "not", "one": second.number, "other": fourth.number, "reason": "brothers"},
        {"decision": "", "one": first.number, "other": lone.number},
        {"decision": "skip", "one": first.number, "other": lone.number},
    )
    assert counts(apply(crm, path)) == (1, 1, 0, 2, 0)
    with crm.system("test") as db:
        assert db.get(Contact, third.id).id == db.get(Contact, second.id).id == first.id
        (decided,) = db.find(NotDuplicate)
        assert ({decided.one.id, decided.other.id}, decided.reason) == ({first.id, fourth.id}, "brothers")
    assert counts(apply(crm, path)) == (0, 0, 2, 2, 0)


@both_databases
def test_what_is_refused_hinders_no_other_row_and_is_done_once_corrected(crm, twins, tmp_path):
    first, second, third, fourth = twins
    with crm.system("test") as db:
        services.not_duplicates(db, first, fourth)
    path = written(
        tmp_path / "pairs.csv",
        {"decision": "merge", "winner": first.number, "losers": "P-999999"},
        {"decision": "merge", "one": first.number, "other": fourth.number},
        {"decision": "merge", "one": first.number, "other": second.number},
        {"decision": "perhaps", "one": first.number, "other": third.number},
        {"decision": "not", "one": first.number, "other": second.number},
    )
    applied = apply(crm, path)
    assert counts(applied) == (1, 0, 0, 0, 4)
    errors = services.write_refused(services.error_file(path), applied.refused)
    with errors.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["line"] for row in rows] == ["2", "3", "5", "6"]
    for row, told in zip(rows, ("P-999999", "not the same", "merge, not or skip", "they are merged"), strict=True):
        assert told in row["refused"]
    rows[2]["decision"] = "MERGE"
    written(errors, *rows[2:3], columns=list(rows[2]))
    again = apply(crm, errors)
    assert (counts(again), services.error_file(errors)) == ((1, 0, 0, 0, 0), errors)
    assert services.write_refused(errors, again.refused) is None
    assert not errors.exists()


@both_databases
def test_a_run_that_dies_half_way_goes_on_where_it_was(crm, tmp_path):
    with crm.system("test") as db:
        people = db.create_many([Contact(name=f"Anna {n}") for n in range(240)])
    couples = list(zip(people[::2], people[1::2], strict=True))
    path = written(
        tmp_path / "pairs.csv",
        *({"decision": "merge", "one": one.number, "other": other.number} for one, other in couples),
    )
    opened = 0

    @contextmanager
    def writing():
        nonlocal opened
        opened += 1
        with crm.system("test") as db:
            yield db
            if opened == 2:
                raise KeyboardInterrupt

    decisions = services.read_reviewed(path)
    with pytest.raises(KeyboardInterrupt):
        services.apply_decisions(writing, Contact, decisions)
    with crm.system("test") as db:
        assert db.count(Contact) == 190
    assert counts(apply(crm, path)) == (70, 0, 50, 0, 0)


def test_nobody_merges_by_a_file_what_they_may_not_merge(crm, people, twins, tmp_path):
    person = people.user("Reader", roles=[people.role("reader", [Grant("customers.contact", ["read"], "all")])])
    path = written(tmp_path / "pairs.csv", {"decision": "merge", "one": twins[0].number, "other": twins[1].number})
    assert counts(apply(crm, path, person)) == (0, 0, 0, 0, 1)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("pairs.csv", "one,other\nP-1,P-2\n", "no column 'decision'"),
        ("pairs.json", "{}", "list of objects"),
        ("pairs.json", "[", "Expecting value"),
    ],
)
def test_a_file_that_says_no_decisions_is_refused_whole(tmp_path, name, text, told):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(services.ReviewedFileError, match=told):
        services.read_reviewed(path)


def test_json_and_other_separators_are_read_as_well(tmp_path):
    (tmp_path / "a.json").write_text('{"pairs": [{"decision": "merge", "winner": "A", "losers": ["B", "C"]}]}')
    (tmp_path / "a.csv").write_text("decision;winner;losers\nmerge;A;B, C\n", encoding="utf-8-sig")
    for name in ("a.json", "a.csv"):
        (decision,) = services.read_reviewed(tmp_path / name)
        assert (decision.kind, decision.references) == ("merge", ("A", "B", "C"))
