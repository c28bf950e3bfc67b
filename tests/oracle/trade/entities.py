"""Firms, deals with lines, partners and notes."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

from crmkit import (
    Choice,
    Decimals,
    Integer,
    Money,
    Number,
    Owned,
    Pipelined,
    Record,
    Target,
    Text,
    any_ref,
    computed,
    entity,
    field,
    ref,
    translator,
)

_ = translator("tests.oracle.trade")


@entity("trade.firm", label=_("Firm"))
class Firm(Record):
    """Nobody owns it: its grants are rules. It refers to itself, and one of its values is unique."""

    name: str = field(Text(max=80), search=True)
    city: str | None = field(default=None, indexed=True, search=True)
    secret: str | None = field(default=None, search=True)
    tax: str | None = field(default=None, unique=True)
    parent_id: UUID | None = ref("trade.firm", default=None, on_delete="clear")


@entity("trade.deal", label=_("Deal"), links={"partners": "trade.partner"})
class Deal(Owned, Pipelined):
    """Owned and in a pipeline, with a field of most types and two references to the same entity."""

    code: str = field(Number(prefix="D"), init=False)
    name: str = field(Text(max=80), search=True, indexed=True)
    size: int | None = field(default=None, indexed=True)
    worth: Money | None = field(default=None, indexed=True)
    colour: str | None = field(Choice(["red", "green", "black"]), default=None)
    due: date | None = field(default=None)
    firm_id: UUID | None = ref("trade.firm", default=None, on_delete="restrict")
    backup_id: UUID | None = ref("trade.firm", default=None, on_delete="clear")

    @computed(Integer(), needs=["size"])
    def area(self) -> int | None:
        """Return the size squared."""
        return None if self.size is None else self.size * self.size

    @area.sql
    def area(c):
        return c.size * c.size


@entity("trade.line", label=_("Line"))
class Line(Record):
    """Visible only with its deal, and gone with it."""

    deal_id: UUID = ref("trade.deal", follows=True, on_delete="cascade")
    amount: Decimal | None = field(Decimals(scale=2), default=None)
    note: str | None = field(default=None, search=True)
    firm_id: UUID | None = ref("trade.firm", default=None, on_delete="clear")


@entity("trade.partner", label=_("Partner"), unique=[("deal_id", "firm_id")])
class Partner(Record):
    """Links deals and firms, with a policy of its own."""

    deal_id: UUID = ref("trade.deal", on_delete="cascade")
    firm_id: UUID = ref("trade.firm", on_delete="cascade")
    part: str | None = field(default=None, search=True)


@entity("trade.note", label=_("Note"))
class Note(Owned):
    """About any record, and visible only with it."""

    about: Target | None = any_ref(default=None)
    body: str = field(Text(max=200), search=True)
