"""A salesperson sees the own deals and those of the own team and below; a manager may give them away."""

from __future__ import annotations

from crmkit import Grant, Role, translator

__all__ = ["ROLES"]

_ = translator(__package__)

SALES = Role(
    "trade.sales",
    _("Salesperson"),
    [Grant("trade.deal", ["read", "create", "update", "move"], "subtree"), Grant("trade.company", ["read"], "all")],
)
MANAGER = Role(
    "trade.manager",
    _("Manager"),
    [
        Grant("trade.deal", ["read", "create", "update", "move", "transfer", "share", "delete"], "subtree"),
        Grant("trade.company", ["read", "update"], "all"),
    ],
)
ROLES = [SALES, MANAGER]
