"""What is done after a deal is won, every night, and when a website sends a form: customers and leads are made."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

import attrs
import msgspec

from crmkit import (
    InboundHook,
    InboundMessage,
    Job,
    NoArguments,
    Rule,
    Schedule,
    Subscriber,
    WorkContext,
    Writer,
    translator,
)
from crmkit.plugins.customers.entities import Company

from .entities import Deal, Lead
from .events import DealWon

__all__ = ["INBOUND_HOOKS", "JOBS", "SCHEDULES", "SUBSCRIBERS", "note_buyer", "note_buyers", "take_web_lead"]

_ = translator(__package__)

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


@attrs.frozen
class WebLead:
    """What a form of a website asks for."""

    name: str
    email: str | None = None
    phone: str | None = None
    company: str | None = None
    job_title: str | None = None
    message: str | None = None


def take_web_lead(context: WorkContext, message: InboundMessage) -> None:
    """Make a lead of what somebody has filled in on a website."""
    given = msgspec.json.decode(message.body, type=WebLead)
    with context.finish(context.principal) as db:
        db.create(
            Lead(
                name=given.company or given.name,
                contact_name=given.name,
                company_name=given.company,
                email=given.email,
                phone=given.phone,
                job_title=given.job_title,
                description=given.message,
                source="web",
            )
        )


SUBSCRIBERS = [Subscriber("sales.note_buyer", DealWon, note_buyer)]
JOBS = [
    Job("sales.note_buyers", note_buyers, time_limit=timedelta(minutes=30), priority="low"),
    # What is wrong with a form gets no better by trying.
    Job("sales.take_web_lead", take_web_lead, InboundMessage, tries=2),
]
INBOUND_HOOKS = [InboundHook("sales.web_leads", _("Leads from a website"), "sales.take_web_lead")]
# Deals that were won elsewhere may come into the books before it is known who buys.
SCHEDULES = [Schedule("sales.note_buyers_nightly", "15 3 * * *", "sales.note_buyers")]
