"""Leads and deals."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from crmkit import (
    Choice,
    Email,
    LongText,
    Money,
    Number,
    Option,
    Owned,
    Phone,
    Pipelined,
    Text,
    entity,
    field,
    ref,
    translator,
)

__all__ = ["Deal", "Lead"]

_ = translator(__package__)

SOURCES = [
    Option("web", _("Website")),
    Option("referral", _("Referral")),
    Option("event", _("Event")),
    Option("campaign", _("Campaign")),
    Option("cold_call", _("Cold call")),
    Option("partner", _("Partner")),
    Option("other", _("Other")),
]
_CONTACTING = "contacting the person"


@entity("sales.lead", label=_("Lead"), person=True)
class Lead(Owned, Pipelined):
    """Somebody who may become a customer, as they made themselves known: nothing is looked up or guessed yet."""

    number: str | None = field(Number(prefix="L"), default=None, search=True, label=_("Number"))
    name: str = field(
        Text(max=200),
        search=True,
        personal=True,
        purpose=_CONTACTING,
        label=_("Name"),
        help=_("What the lead is about, or who it is"),
    )
    contact_name: str | None = field(
        Text(max=200), default=None, search=True, personal=True, purpose=_CONTACTING, label=_("Person")
    )
    job_title: str | None = field(Text(max=150), default=None, personal=True, purpose=_CONTACTING, label=_("Job title"))
    company_name: str | None = field(Text(max=200), default=None, search=True, personal=False, label=_("Company name"))
    email: str | None = field(Email(), default=None, search=True, personal=True, purpose=_CONTACTING, label=_("E-mail"))
    phone: str | None = field(Phone(), default=None, personal=True, purpose=_CONTACTING, label=_("Phone"))
    source: str | None = field(Choice(SOURCES), default=None, label=_("Source"))
    product_id: UUID | None = ref("commerce.product", default=None, label=_("Product"))
    description: str | None = field(
        LongText(max=20_000),
        default=None,
        search=True,
        personal=True,
        purpose=_CONTACTING,
        label=_("Description"),
    )
    disqualified_reason: str | None = field(Text(max=64), default=None, label=_("Reason for disqualifying"))
    company_id: UUID | None = ref("customers.company", default=None, label=_("Company"))
    contact_id: UUID | None = ref("customers.contact", default=None, about=True, label=_("Contact"))
    deal_id: UUID | None = ref("sales.deal", default=None, label=_("Deal"), help=_("What the lead was converted into"))


@entity("sales.deal", label=_("Deal"))
class Deal(Owned, Pipelined):
    """A chance to sell something to somebody."""

    number: str | None = field(Number(prefix="D"), default=None, search=True, label=_("Number"))
    name: str = field(Text(max=200), search=True, label=_("Name"))
    company_id: UUID | None = ref(
        "customers.company", default=None, goes_along='stage_kind == "open"', label=_("Company")
    )
    contact_id: UUID | None = ref("customers.contact", default=None, label=_("Contact"))
    product_id: UUID | None = ref("commerce.product", default=None, label=_("Product"))
    amount: Money | None = field(default=None, label=_("Amount"), help=_("What the customer is to pay"))
    expected_close_on: date | None = field(default=None, indexed=True, label=_("Expected close"))
    engaged_on: date | None = field(
        default=None, label=_("Engaged on"), help=_("Set when the deal leaves its first stage, if it is empty")
    )
    closed_on: date | None = field(
        default=None,
        indexed=True,
        label=_("Closed on"),
        help=_("Set when the deal is won or lost, if it is empty; emptied when it is reopened"),
    )
    source: str | None = field(Choice(SOURCES), default=None, label=_("Source"))
    lost_reason: str | None = field(Text(max=64), default=None, label=_("Reason for losing"))
    description: str | None = field(LongText(max=20_000), default=None, search=True, label=_("Description"))
