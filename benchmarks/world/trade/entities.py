"""Companies and deals."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from crmkit import Choice, LongText, Money, Number, Owned, Pipelined, Text, entity, field, ref, translator

__all__ = ["Company", "Deal"]

_ = translator(__package__)


@entity("trade.company", label=_("Company"))
class Company(Owned):
    """Somebody to sell to."""

    name: str = field(Text(max=200), search=True, indexed=True, label=_("Name"))
    city: str | None = field(Text(max=100), default=None, indexed=True, label=_("City"))
    parent_id: UUID | None = ref("trade.company", default=None, label=_("Parent"))


@entity("trade.deal", label=_("Deal"))
class Deal(Owned, Pipelined):
    """A chance to sell; four fields are indexed, one of them a reference, and two are not."""

    number: str | None = field(Number(prefix="D"), default=None, label=_("Number"))
    name: str = field(Text(max=200), search=True, indexed=True, label=_("Name"))
    company_id: UUID | None = ref("trade.company", default=None, label=_("Company"))
    amount: Money | None = field(default=None, indexed=True, label=_("Amount"))
    expected_close_on: date | None = field(default=None, indexed=True, label=_("Expected close"))
    source: str | None = field(Choice(["web", "referral", "event", "partner"]), default=None, label=_("Source"))
    description: str | None = field(LongText(), default=None, label=_("Description"))
