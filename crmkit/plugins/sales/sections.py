"""What selling shows with companies, contacts and products: leads and deals, and the moves of deals."""

from __future__ import annotations

from crmkit import Section, TimelinePart, total, translator

__all__ = ["SECTIONS"]

_ = translator(__package__)

_ROUTES = ("company", "contact", "product")

OPEN_DEALS = Section(
    "sales.open_deals",
    _("Open deals"),
    "sales.deal",
    via=_ROUTES,
    where='stage_kind == "open"',
    order_by="expected_close_on",
    fields=["name", "stage", "amount", "expected_close_on", "owner_id"],
    measures={"amount": total("amount")},
    rank=40,
)
WON_DEALS = Section(
    "sales.won_deals",
    _("Won deals"),
    "sales.deal",
    via=_ROUTES,
    where='stage_kind == "won"',
    order_by="-closed_on",
    fields=["name", "amount", "closed_on", "owner_id"],
    measures={"amount": total("amount")},
    rank=50,
)
LEADS = Section(
    "sales.leads",
    _("Leads"),
    "sales.lead",
    via=_ROUTES,
    fields=["name", "stage", "source", "owner_id"],
    rank=60,
)
MOVES = TimelinePart("sales.moves", _("Moves of deals"), "sales.deal", via=_ROUTES)

SECTIONS = (OPEN_DEALS, WON_DEALS, LEADS, MOVES)
