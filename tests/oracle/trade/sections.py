"""What is shown around firms and deals, by every kind of route: a reference, a way on, a link, any record's."""

from __future__ import annotations

from crmkit import Section, Through, TimelinePart, count, total, translator

_ = translator("tests.oracle.trade")

_OF_DEALS = ["firm", "backup", Through("trade.partner", "deal_id", "firm")]
_OF_NOTES = ["about", "about.firm"]

SECTIONS = (
    Section(
        "trade.deals", _("Deals"), "trade.deal", via=_OF_DEALS, order_by=["-size", "name"], limit=2,
        fields=["name", "size", "worth"], measures={"sized": count("size"), "size": total("size")}, rank=1,
    ),
    Section("trade.red", _("Red"), "trade.deal", via="firm", where='colour == "red"', order_by="due", rank=2),
    Section("trade.lines", _("Lines"), "trade.line", via=["deal", "deal.firm", "firm"], fields=["note"], rank=3),
    Section(
        "trade.notes", _("Notes"), "trade.note", via=_OF_NOTES, order_by="body", limit=3,
        measures={"owned": count("owner_id")}, rank=4,
    ),
)  # fmt: skip
PARTS = (
    TimelinePart("trade.moves", _("Moves"), "trade.deal", via=_OF_DEALS),
    TimelinePart("trade.written", _("Notes"), "trade.note", via=_OF_NOTES, at="created_at"),
)
