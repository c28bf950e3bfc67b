from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crmkit import Subscriber
from crmkit.plugins.customers.entities import Company
from crmkit.testing import both_databases, plugin

from .. import services
from ..entities import Deal, Lead
from ..events import EVENTS


@pytest.fixture
def told():
    return []


@pytest.fixture
def listening(make_crm, clock, database, told):
    """A CRM with a plugin that wants to know of everything that sales tells."""

    def note(_context, event):
        told.append((type(event).__name__, event.record_id))

    subscribers = [Subscriber(f"ear.{info.__event__.id.partition('.')[2]}", info, note) for info in EVENTS]
    ear = plugin("ear", requires=["sales"], subscribers=subscribers)
    return make_crm("sales", ear, clock=clock, database=database)


@both_databases
def test_deals_and_leads_tell_what_becomes_of_them(listening, make_worker, told, new_deal):
    with listening.system("test") as db:
        won = services.win(db, db.move(new_deal(db, "Good"), "engaging"))
        lost = services.lose(db, new_deal(db, "Bad"), "price")
        done = services.convert_lead(db, db.create(Lead(name="Fair")))
        again = services.reopen(db, lost)
    make_worker(listening, threads=1).run_until_idle()
    assert sorted(told, key=str) == sorted(
        [
            ("DealMoved", won.id),
            ("DealMoved", won.id),
            ("DealWon", won.id),
            ("DealMoved", lost.id),
            ("DealLost", lost.id),
            ("LeadConverted", done.lead.id),
            ("DealMoved", again.id),
        ],
        key=str,
    )


def relationship_of(crm, company_id):
    with crm.system("look") as db:
        return db.get(Company, company_id).relationship


@both_databases
@pytest.mark.parametrize(
    ("before", "after"),
    [(None, "customer"), ("prospect", "customer"), ("former", "customer"), ("partner", "partner")],
)
def test_company_that_buys_becomes_a_customer(crm, worker, anna, new_deal, before, after):
    with crm.write(anna) as db:
        deal = db.move(new_deal(db), "engaging")
        db.update(db.get(Company, deal.company_id), relationship=before)
        services.win(db, deal)
    assert relationship_of(crm, deal.company_id) == before
    worker.run_until_idle()
    assert relationship_of(crm, deal.company_id) == after


def test_deal_that_is_reopened_at_once_makes_no_customer(crm, worker, staff, new_deal):
    with crm.write(staff.chief) as db:
        deal = services.win(db, db.move(new_deal(db), "engaging"))
        services.reopen(db, deal)
    worker.run_until_idle()
    assert relationship_of(crm, deal.company_id) is None


def test_deal_that_is_deleted_at_once_makes_no_customer(crm, worker, staff, new_deal):
    with crm.write(staff.chief) as db:
        deal = services.win(db, db.move(new_deal(db), "engaging"))
        db.delete(deal)
    worker.run_until_idle()
    assert relationship_of(crm, deal.company_id) is None


@both_databases
def test_companies_that_bought_become_customers_at_night(crm, worker, clock, staff, new_deal):
    worker.run_until_idle()
    with crm.write(staff.chief) as db:
        deals = [services.win(db, db.move(new_deal(db, str(place)), "engaging")) for place in range(3)]
    worker.run_until_idle()
    with crm.system("somebody else's import") as db:
        for deal, relationship in zip(deals, ("prospect", None, "former"), strict=True):
            db.update(db.get(Company, deal.company_id), relationship=relationship)
    clock.travel(datetime(2026, 3, 3, 3, 15, tzinfo=UTC))
    worker.run_until_idle()
    assert [relationship_of(crm, deal.company_id) for deal in deals] == ["customer", "customer", "former"]
    with crm.system("look") as db:
        history = db.history(db.get(Company, deals[0].company_id))
        assert history[-1].cause == "sales.note_buyers < sales.note_buyers_nightly"
        assert db.count(Deal) == 3
