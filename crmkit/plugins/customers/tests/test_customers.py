from __future__ import annotations

from datetime import timedelta

import pytest

from crmkit import (
    ConflictError,
    Grant,
    Mask,
    Money,
    NotFoundError,
    UnknownFieldError,
    ValidationError,
    WriteRefusedError,
)
from crmkit.testing import both_databases

from .. import services
from ..entities import Company, Contact, Interaction, Participant


@pytest.fixture
def crm(make_crm, clock, database):
    return make_crm("customers", clock=clock, database=database)


@pytest.fixture
def anna(people):
    return people.user("Anna", team=people.team("Berlin", "Germany"), roles=["customers.agent"])


@pytest.fixture
def chief(people):
    return people.user("Chief", team="Germany", roles=["customers.manager"])


def test_company_and_contact_get_numbers_of_their_own(crm, anna):
    with crm.write(anna) as db:
        company = db.create(Company(name="Müller & Söhne"))
        contact = db.create(Contact(name="王小梅", company_id=company.id))

        assert (company.number, contact.number) == ("C-000001", "P-000001")
        assert db.get(Company, "C-000001") == company


def test_phone_and_email_are_kept_in_one_form(crm, anna):
    with crm.write(anna) as db:
        contact = db.create(Contact(name="Anne", phone="+49 (30) 1234-56 ext. 7", email=" Anne@EXAMPLE.org "))

    assert (contact.phone, contact.email) == ("+4930123456;ext=7", "Anne@example.org")


@pytest.mark.parametrize(("field", "value"), [("phone", "030 123456"), ("email", "anne at example.org")])
def test_phone_and_email_that_cannot_be_understood_are_refused(crm, anna, field, value):
    with crm.write(anna) as db, pytest.raises(ValidationError, match=field):
        db.create(Contact(name="Anne", **{field: value}))


def test_names_are_not_guessed_from_each_other(crm, anna):
    with crm.write(anna) as db:
        contact = db.create(Contact(name="王小梅"))

    assert (contact.given_name, contact.family_name) == (None, None)


def test_company_keeps_what_is_known_of_it(crm, anna):
    with crm.write(anna) as db:
        revenue = Money.of("1100.04", "EUR")
        company = db.create(Company(name="Acme", sector="technology", revenue=revenue, founded=1996, employees=2822))

        assert db.find(Company, 'sector == "technology" && revenue > 1000 && employees < 3000') == [company]


@both_databases
def test_company_cannot_stand_above_itself(crm, anna):
    with crm.write(anna) as db:
        top = db.create(Company(name="Top"))
        middle = db.create(Company(name="Middle", parent_id=top.id))
        bottom = db.create(Company(name="Bottom", parent_id=middle.id))

        with pytest.raises(WriteRefusedError, match="customers: a company cannot stand above itself"):
            db.update(top, parent_id=bottom.id)
        with pytest.raises(WriteRefusedError, match="cannot stand above itself"):
            db.update(top, parent_id=top.id)


def test_circle_made_by_two_writes_of_one_batch_is_refused(crm, anna):
    with crm.write(anna) as db:
        one, other = db.create_many([Company(name="One"), Company(name="Other")])

        with pytest.raises(WriteRefusedError, match="cannot stand above itself"):
            db.update_many([(one, {"parent_id": other.id}), (other, {"parent_id": one.id})])


def test_circle_through_a_hidden_company_is_refused(crm, anna, people):
    eve = people.user("Eve", team="Paris", roles=["customers.agent"])
    with crm.write(eve) as db:
        hidden = db.create(Company(name="Hidden"))
    with crm.system("arrange") as db:
        top = db.create(Company(name="Top", owner_id=anna.user_id))
        hidden = db.update(db.get(Company, hidden.id), parent_id=top.id)
        below = db.create(Company(name="Below", owner_id=anna.user_id, parent_id=hidden.id))

    with crm.write(anna) as db, pytest.raises(WriteRefusedError, match="cannot stand above itself"):
        db.update(db.get(Company, top.id), parent_id=below.id)


def test_subsidiaries_are_all_companies_below(crm, anna):
    with crm.write(anna) as db:
        top = db.create(Company(name="Top"))
        left, right = db.create_many([Company(name=name, parent_id=top.id) for name in ("Left", "Right")])
        deep = db.create(Company(name="Deep", parent_id=left.id))

        assert services.subsidiaries(db, top) == [left, right, deep]
        assert services.subsidiaries(db, deep) == []


@both_databases
def test_subsidiaries_may_be_many(crm, anna):
    with crm.write(anna) as db:
        top = db.create(Company(name="Top"))
        children = db.create_many([Company(name=f"{n:04}", parent_id=top.id) for n in range(1200)])
        below = db.create_many([Company(name=f"{n:04}", parent_id=child.id) for n, child in enumerate(children)])

        assert services.subsidiaries(db, top) == [*children, *below]


def test_company_with_contacts_cannot_be_deleted(crm, chief):
    with crm.write(chief) as db:
        company = db.create(Company(name="Acme"))
        db.create(Contact(name="Anne", company_id=company.id))

        with pytest.raises(ConflictError):
            db.delete(company)


@both_databases
def test_contacts_who_share_an_address_or_a_number_are_found(crm, anna):
    with crm.write(anna) as db:
        one = db.create(Contact(name="Anne", email="anne@example.org", phone="+49 30 1234567"))
        by_mail = db.create(Contact(name="Anne B.", email="ANNE@example.org"))
        by_phone = db.create(Contact(name="Bert", mobile="+49 30 1234567"))
        db.create(Contact(name="Carla"))

        assert services.same_person(db, one) == [by_mail, by_phone]


@pytest.mark.parametrize(
    ("hidden", "found"),
    [("email", ["Bert"]), ("phone", ["Anne B."]), ("mobile", ["Anne B."]), (None, ["Anne B.", "Bert"])],
)
def test_contacts_are_compared_by_what_the_reader_may_see(crm, people, anna, hidden, found):
    with crm.write(anna) as db:
        one = db.create(Contact(name="Anne", email="anne@example.org", phone="+49 30 1234567"))
        db.create(Contact(name="Anne B.", email="ANNE@example.org"))
        db.create(Contact(name="Bert", mobile="+49 30 1234567"))
    masks = [Mask("customers.contact", [hidden])] if hidden else []
    people.role("desk", [Grant("customers.contact", ["read"], "all")], masks)
    with crm.read(people.user("Desk", roles=["desk"])) as db:
        assert [contact.name for contact in services.same_person(db, db.get(Contact, one.id))] == found


def test_contacts_whom_one_does_not_see_are_not_found_by_address(crm, anna, people):
    eve = people.user("Eve", team="Paris", roles=["customers.agent"])
    with crm.write(eve) as db:
        db.create(Contact(name="Anne", email="anne@example.org"))

    with crm.write(anna) as db:
        mine = db.create(Contact(name="Anne", email="anne@example.org"))
        assert services.same_person(db, mine) == []


@both_databases
def test_interaction_is_found_from_what_it_is_about_and_from_who_took_part(crm, anna, clock):
    with crm.write(anna) as db:
        company = db.create(Company(name="Acme"))
        people = db.create_many([Contact(name=name, company_id=company.id) for name in ("Anne", "Bert")])
        visit = services.log_interaction(db, "visit", "Tour", regarding=company, participants=people)
        call = services.log_interaction(db, "call", "Question", participants=people[:1], minutes=5)

        assert visit.started_at == clock.now()
        assert services.interactions_of(db, company) == [visit]
        assert services.interactions_with(db, people[1]) == [visit]
        assert set(services.interactions_with(db, people[0])) == {visit, call}
        assert db.expand([visit], "participants")[visit.id] == people


def test_interactions_come_latest_first(crm, anna, clock):
    with crm.write(anna) as db:
        company = db.create(Company(name="Acme"))
        for days in (3, 1, 2):
            at = clock.now() - timedelta(days=days)
            services.log_interaction(db, "note", str(days), regarding=company, started_at=at)

        assert [note.subject for note in services.interactions_of(db, company)] == ["1", "2", "3"]


def test_hook_check_write_refuses_an_interaction_that_is_still_to_come(crm, anna, clock):
    with crm.write(anna) as db, pytest.raises(WriteRefusedError, match="what is still to come is a task"):
        services.log_interaction(db, "meeting", "Next week", started_at=clock.now() + timedelta(days=7))


def test_interaction_and_its_participants_are_seen_only_where_the_record_is(crm, anna, people):
    bo = people.user("Bo", roles=["customers.viewer"])
    with crm.write(anna) as db:
        company = db.create(Company(name="Acme"))
        anne = db.create(Contact(name="Anne"))
        services.log_interaction(db, "call", "Hello", regarding=company, participants=[anne])
    with crm.read(bo) as db:
        assert (db.count(Interaction), db.count(Participant)) == (1, 1)

    eve = people.user("Eve", team="Paris", roles=["customers.agent"])
    with crm.read(eve) as db:
        assert (db.count(Interaction), db.count(Participant)) == (0, 0)


def test_viewer_learns_that_people_talked_but_not_what_they_said(crm, anna, people):
    bo = people.user("Bo", roles=["customers.viewer"])
    with crm.write(anna) as db:
        company = db.create(Company(name="Acme"))
        services.log_interaction(db, "call", "Hello", regarding=company, body="He is ill")

    with crm.read(bo) as db:
        [call] = db.find(Interaction)
        assert call.subject == "Hello"
        with pytest.raises(UnknownFieldError):
            _ = call.body
        with pytest.raises(UnknownFieldError):
            db.find(Interaction, 'body.contains("ill")')


def test_agent_sees_the_teams_customers_and_manager_those_of_all_teams_below(crm, anna, chief, people):
    eve = people.user("Eve", team=people.team("Munich", "Germany"), roles=["customers.agent"])
    with crm.write(anna) as db:
        company = db.create(Company(name="Acme"))

    with crm.read(chief) as db:
        assert db.get(Company, company.id) == company
    with crm.read(eve) as db, pytest.raises(NotFoundError):
        db.get(Company, company.id)


def test_overview_shows_people_conversations_and_what_happened(crm, anna):
    with crm.write(anna) as db:
        parent = db.create(Company(name="Holding"))
        company = db.create(Company(name="Acme", parent_id=parent.id))
        contact = db.create(Contact(name="Anne", company_id=company.id))
        called = services.log_interaction(db, "call", "Hello", participants=[contact])
    with crm.read(anna) as db:
        whole = services.overview(db, company)
        person = services.overview(db, contact)

    assert (whole.record, whole.above, person.above) == (company, parent, company)
    assert whole.section("customers.people").records == [contact]
    assert [view.section("customers.interactions").records for view in (whole, person)] == [[called], [called]]
    assert whole.section("customers.nosuch") is None
    assert {entry.kind for entry in whole.timeline.entries} == {"change", "record"}


def test_overview_knows_nothing_of_what_is_hidden(crm, anna, people):
    with crm.write(anna) as db:
        parent = db.create(Company(name="Holding"))
        company = db.create(Company(name="Acme", parent_id=parent.id))
        contact = db.create(Contact(name="Anne", company_id=company.id))
        services.log_interaction(db, "call", "Hello", participants=[contact])
    people.role("desk", [Grant("customers.company", ["read"], "all")], [Mask("customers.company", ["parent_id"])])

    with crm.read(people.user("Desk", roles=["desk"])) as db:
        view = services.overview(db, company)

    assert (view.above, view.sections) == (None, ())
    assert [entry.kind for entry in view.timeline.entries] == ["change"]


def test_company_whom_one_does_not_see_has_no_overview(crm, anna, people):
    with crm.write(anna) as db:
        company = db.create(Company(name="Acme"))

    eve = people.user("Eve", team="Paris", roles=["customers.agent"])
    with crm.read(eve) as db, pytest.raises(NotFoundError):
        services.overview(db, company)
