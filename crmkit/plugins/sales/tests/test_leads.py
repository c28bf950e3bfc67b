from __future__ import annotations

from datetime import date

import pytest

from crmkit import Money, Refusal
from crmkit.plugins.customers.entities import Company, Contact
from crmkit.testing import both_databases

from .. import services
from ..entities import Deal, Lead


@pytest.fixture
def lead(crm, anna):
    with crm.write(anna) as db:
        return db.create(
            Lead(
                name="Asked at the fair",
                contact_name="王小梅",
                job_title="Buyer",
                company_name="上海机械",
                email="mei@example.com",
                phone="+86 138 0013 8000",
                source="event",
            )
        )


def test_lead_becomes_a_company_a_contact_and_a_deal(crm, anna, lead):
    with crm.write(anna) as db:
        done = services.convert_lead(db, lead, amount=Money.of(500, "EUR"), expected_close_on=date(2026, 5, 1))

        assert db.find(Deal) == [done.deal]
    assert (done.company.name, done.company.relationship) == ("上海机械", "prospect")
    assert (done.contact.name, done.contact.phone, done.contact.company_id) == (
        "王小梅",
        "+8613800138000",
        done.company.id,
    )
    assert (done.deal.name, done.deal.company_id, done.deal.contact_id) == (
        "Asked at the fair",
        done.company.id,
        done.contact.id,
    )
    assert (done.lead.stage, done.lead.deal_id) == ("converted", done.deal.id)


def test_known_company_and_contact_are_used_instead_of_new_ones(crm, anna, lead):
    with crm.write(anna) as db:
        company = db.create(Company(name="上海机械"))
        contact = db.create(Contact(name="王小梅", company_id=company.id))
        done = services.convert_lead(db, lead, company=company, contact=contact)

        assert (db.count(Company), db.count(Contact)) == (1, 1)
    assert (done.deal.company_id, done.deal.contact_id) == (company.id, contact.id)


def test_lead_that_names_nobody_becomes_a_deal_alone(crm, anna):
    with crm.write(anna) as db:
        done = services.convert_lead(db, db.create(Lead(name="A call")))

        assert (db.count(Company), db.count(Contact)) == (0, 0)
    assert (done.company, done.contact, done.deal.company_id) == (None, None, None)


@both_databases
def test_lead_is_converted_once_and_the_second_try_leaves_nothing_behind(crm, anna, lead):
    with crm.write(anna) as db:
        done = services.convert_lead(db, lead)
        with pytest.raises(Refusal, match="there is no such move"):
            services.convert_lead(db, done.lead)

        assert (db.count(Company), db.count(Contact), db.count(Deal)) == (1, 1, 1)


def test_manager_converts_a_lead_for_its_owner(crm, staff, lead):
    with crm.write(staff.chief) as db:
        done = services.convert_lead(db, db.get(Lead, lead.id))

    assert {done.company.owner_id, done.contact.owner_id, done.deal.owner_id} == {staff.anna.user_id}


def test_lead_is_not_converted_without_a_deal(crm, anna, lead):
    with crm.write(anna) as db, pytest.raises(Refusal, match="deal_id"):
        db.move(lead, "converted")


def test_disqualifying_asks_for_a_reason(crm, anna, lead):
    with crm.write(anna) as db:
        with pytest.raises(Refusal, match=r"fields are missing.*disqualified_reason"):
            db.move(lead, "disqualified")

        assert services.disqualify(db, lead, "no_budget").stage_kind == "lost"


def test_lead_that_is_taken_up_again_needs_a_reason_again(crm, anna, lead):
    with crm.write(anna) as db:
        lead = db.move(services.disqualify(db, lead, "no_budget"), "new")

        assert lead.disqualified_reason is None
