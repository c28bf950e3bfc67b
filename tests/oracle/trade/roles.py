"""Shipped roles, and restrictions that no grant overrides. Most roles of the oracle's worlds are made at run time."""

from __future__ import annotations

from crmkit import Grant, Mask, Restriction, Role, translator

_ = translator("tests.oracle.trade")

ALL = ("read", "create", "update", "delete", "move", "transfer", "share", "export", "see_duplicates", "erase")

CLERK = Role(
    "trade.clerk",
    _("Clerk"),
    [
        Grant("trade.deal", ALL, "own"),
        Grant("trade.deal", ["read"], "team"),
        Grant("trade.firm", ["read", "create"], "all"),
        Grant("trade.line", ["read", "create", "update", "delete"], "all"),
        Grant("trade.note", ALL, "own"),
        Grant("trade.partner", ["read", "create", "update", "delete"], "all"),
    ],
    [Mask("trade.firm", ["secret"]), Mask("trade.deal", ["due"], "read_only")],
)
AUDITOR = Role("trade.auditor", _("Auditor"), [Grant("trade.line", ["read"], "all")])

# What is black is closed to all but auditors; a frozen firm is changed by nobody; big deals are not created.
RESTRICTIONS = (
    Restriction("trade.black", "trade.deal", 'colour != "black"', unless=["trade.auditor"]),
    Restriction("trade.frozen", "trade.firm", 'city != "Frozen"', ["create", "update", "delete"]),
    Restriction("trade.big", "trade.deal", "size == null || size < 90", ["create"]),
    Restriction("trade.parents", "trade.firm", 'parent.city != "Hidden"', ["read"], unless=["trade.auditor"]),
)
