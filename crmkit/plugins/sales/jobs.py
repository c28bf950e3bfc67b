"""What is done after a deal is won, and every night: who buys is a customer."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from crmkit import Job, NoArguments, Rule, Schedule, Subscriber, WorkContext, Writer
from crmkit.plugins.customers.entities import Company

from .entities import Deal
from .events import DealWon

__all__ = ["JOBS", "SCHEDULES", "SUBSCRIBERS", "note_buyer", "note_buyers"]

_AT_ONCE = 500
# A former customer once bought as well; only what is won from now on makes a customer of it again.
_BOUGHT = Rule.parse(
    'stage_kind == "won" && company_id != null && (company.relationship == null || company.relationship == "prospect")'
)


def note_buyer(context: WorkContext, won: DealWon) -> None:
    """Make a customer of the company that has bought, unless the deal is open again or the company is a partner."""
    with context.finish() as db:
        deal = db.get_many(Deal, [won.record_id]).get(won.record_id)
        if deal is not None and deal.stage_kind == "won":
            _make_customers(db, [deal], {None, "prospect", "former"})


def note_buyers(context: WorkContext, _arguments: NoArguments) -> None:
    """Make customers of all companies that have bought and that nobody has said anything else about."""
    done = 0
    while True:
        with context.write() as db:
            deals = db.find(Deal, _BOUGHT, limit=_AT_ONCE)
            noted = _make_customers(db, deals, {None, "prospect"})
        if not noted:
            return
        done += noted
        context.progress(done)


def _make_customers(db: Writer, deals: Collection[Deal], became: Collection[str | None]) -> int:
    found = db.get_many(Company, {deal.company_id for deal in deals if deal.company_id})
    companies = [company for company in found.values() if company.relationship in became]
    db.update_many([(company, {"relationship": "customer"}) for company in companies])
    return len(companies)


SUBSCRIBERS = [Subscriber("sales.note_buyer", DealWon, note_buyer)]
JOBS = [Job("sales.note_buyers", note_buyers, time_limit=timedelta(minutes=30), priority="low")]
# Deals that were won elsewhere may come into the books before it is known who buys.
SCHEDULES = [Schedule("sales.note_buyers_nightly", "15 3 * * *", "sales.note_buyers")]
