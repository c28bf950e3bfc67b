"""What people and programs may call by its name: the services of selling, with arguments that fit JSON."""

from __future__ import annotations

from datetime import date

import attrs

from crmkit import Money, Verb, translator
from crmkit.plugins.customers.entities import Company, Contact

from . import services
from .entities import Deal, Lead

__all__ = ["VERBS"]

_ = translator(__package__)


@attrs.frozen
class Win:
    """What is won, and for how much."""

    deal: Deal
    amount: Money | None = None
    closed_on: date | None = None


@attrs.frozen
class Lose:
    """What is lost, and why."""

    deal: Deal
    reason: str
    description: str | None = None
    closed_on: date | None = None


@attrs.frozen
class Reopen:
    """What is taken up again."""

    deal: Deal


@attrs.frozen
class Disqualify:
    """Which lead becomes nothing, and why."""

    lead: Lead
    reason: str


@attrs.frozen
class Convert:
    """Which lead becomes a deal; a company and a contact are made of it unless they are given."""

    lead: Lead
    company: Company | None = None
    contact: Contact | None = None
    name: str | None = None
    amount: Money | None = None
    expected_close_on: date | None = None


VERBS = [
    Verb("sales.win", _("Win a deal"), services.win, "sales.deal", Win, Deal),
    Verb("sales.lose", _("Lose a deal"), services.lose, "sales.deal", Lose, Deal),
    Verb("sales.reopen", _("Reopen a deal"), services.reopen, "sales.deal", Reopen, Deal),
    Verb("sales.disqualify", _("Disqualify a lead"), services.disqualify, "sales.lead", Disqualify, Lead),
    Verb(
        "sales.convert_lead",
        _("Make a deal of a lead"),
        services.convert_lead,
        "sales.lead",
        Convert,
        services.Conversion,
    ),
    Verb(
        "sales.forecast",
        _("See what open deals may bring"),
        services.forecast,
        "sales.deal",
        answer=services.Forecast,
        writes=False,
    ),
]
