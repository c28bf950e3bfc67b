"""Who is entered twice is noticed: as the reader sees it, with reasons, and nothing else."""

import pytest

from crmkit import Grant, Mask
from crmkit.plugins.customers import services
from crmkit.plugins.customers.entities import Company, Contact
from crmkit.plugins.customers.matching import LIKELY, compare, name_words
from crmkit.testing import both_databases


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm("customers", database=database, clock=clock)


@pytest.fixture
def anna(crm):
    with crm.system("test") as db:
        company = db.create(Company(name="Quint & Sons", city="Berlin"))
        return db.create(
            Contact(name="Anna Quint", email="Anna@Example.org", phone="+49 30 1234567", company_id=company.id)
        )


def likely(db, record):
    return [(each.record.name, each.score) for each in services.find_duplicates(db, record).found]


@both_databases
@pytest.mark.parametrize(
    ("values", "score"),
    [
        ({"name": "A. Quint", "email": "anna@example.org"}, 92),
        ({"name": "Somebody", "email": "ANNA@example.org"}, 60),
        ({"name": "Quint, Anna", "mobile": "+49 30 1234567"}, 75),
        ({"name": "Quint Anna", "phone": "+49 30 7654321"}, None),
        ({"name": "Bernd Brot", "phone": "+49 30 1234567"}, None),
    ],
)
def test_a_draft_is_told_whom_it_resembles(crm, anna, values, score):
    with crm.system("test") as db:
        found = likely(db, Contact(**values))
    assert found == ([("Anna Quint", score)] if score else [])


def test_the_same_name_in_the_same_company_is_likely_the_same_even_misspelt(crm, anna):
    with crm.system("test") as db:
        (found,) = services.find_duplicates(db, Contact(name="Anna Quinnt", company_id=anna.company_id)).found
    assert [(each.field, each.likeness, each.points) for each in found.agreements] == [
        ("name", 95, 38),
        ("company_id", 100, 15),
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [("Anna Quint", "QUINT, Anna"), ("王小明", "小明 王"), ("Zoë Müller", "MULLER Zoe"), ("Ａｎｎａ", "anna")],
)
def test_names_agree_whatever_their_order_marks_and_width(one, other):
    assert name_words(one) == name_words(other)
    assert compare("customers.contact", {"name": one}, {"name": other})[0].likeness == 100


@both_databases
def test_what_changes_or_goes_is_no_longer_found(crm, anna):
    draft = Contact(name="A", email="anna@example.org")
    with crm.system("test") as db:
        changed = db.update(anna, email="quint@example.org")
        assert likely(db, draft) == []
        assert likely(db, Contact(name="A", email="quint@example.org")) == [("Anna Quint", 60)]
        db.delete(changed)
        assert likely(db, Contact(name="A", email="quint@example.org")) == []


def test_a_record_is_no_duplicate_of_itself_and_a_merged_one_of_none(crm, anna):
    with crm.system("test") as db:
        twin = db.create(Contact(name="A. Quint", email="anna@example.org"))
        assert [name for name, _score in likely(db, anna)] == ["A. Quint"]
        assert likely(db, db.merge(anna, [twin])) == []


@both_databases
def test_a_hidden_duplicate_is_told_only_to_those_who_may_know_and_then_only_that_it_is_there(crm, people, anna):
    own = Grant("customers.contact", ["read", "create"], "own")
    plain = people.user("Plain", roles=[people.role("plain", [own])])
    steward_grants = [own, Grant("customers.contact", ["see_duplicates"], "all")]
    steward = people.user("Steward", roles=[people.role("steward", steward_grants)])
    same, other = Contact(name="A", email="anna@example.org"), Contact(name="A", email="other@example.org")
    with crm.read(plain) as db:
        assert services.find_duplicates(db, same) == services.find_duplicates(db, other)
    with crm.read(steward) as db:
        told = services.find_duplicates(db, same)
        assert (told.found, told.is_hidden_one) == ((), True)
        assert not services.find_duplicates(db, other).is_hidden_one
        # A name is shared by strangers, so that it tells nothing of anybody.
        assert not services.find_duplicates(db, Contact(name="Anna Quint")).is_hidden_one


def test_a_hidden_field_finds_nobody(crm, people, anna):
    grants, masks = [Grant("customers.contact", ["read"], "all")], [Mask("customers.contact", ["email"])]
    person = people.user("Masked", roles=[people.role("masked", grants, masks)])
    with crm.read(person) as db:
        assert services.find_duplicates(db, Contact(name="A", email="anna@example.org")).found == ()
        assert services.duplicate_pairs(db, Contact) == []


def test_it_reads_a_constant_number_of_statements(crm, anna):
    with crm.system("test") as db:
        db.create_many([Contact(name=f"A {n}", email="anna@example.org") for n in range(30)])
    ran = []
    with crm.system("test") as db:
        db._connection.connection.dbapi_connection.set_trace_callback(ran.append)
        assert len(services.find_duplicates(db, anna).found) == 30
        db._connection.connection.dbapi_connection.set_trace_callback(None)
    # The keys, the records that have them, and what was decided about them, on either side.
    assert len(ran) == 4


@both_databases
def test_pairs_and_clusters_among_all_that_one_sees(crm, anna):
    with crm.system("test") as db:
        db.create_many(
            [
                Contact(name="A. Quint", email="anna@example.org"),
                Contact(name="Anna Qint", company_id=anna.company_id, mobile="+49 30 1234567"),
                Contact(name="Bo"),
                Contact(name="Bo"),
            ]
        )
        pairs = services.duplicate_pairs(db, Contact)
        assert [(pair.one.name, pair.other.name) for pair in pairs] == [
            ("Anna Quint", "A. Quint"),
            ("Anna Quint", "Anna Qint"),
        ]
        assert all(pair.score >= LIKELY for pair in pairs)
        assert [[record.name for record in group] for group in services.clusters(pairs)] == [
            ["Anna Quint", "A. Quint", "Anna Qint"]
        ]
