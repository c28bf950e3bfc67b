"""Who may do what with leads and deals, and what of customers and products selling needs."""

from __future__ import annotations

from crmkit import Grant, Role, translator

__all__ = ["ROLES"]

_ = translator(__package__)

_SALES = ("sales.lead", "sales.deal")
_CATALOGUE = tuple(Grant(entity, ["read"], "all") for entity in ("commerce.product", "commerce.price"))
# Who sells must see that a company is taken already.
_COMPANIES = Grant("customers.company", ["read"], "all")

AGENT = Role(
    "sales.agent",
    _("Salesperson"),
    [
        *(Grant(entity, ["read", "create", "update", "move", "share", "export"], "own") for entity in _SALES),
        Grant("customers.contact", ["read"], "team"),
        *(Grant(entity, ["create", "update"], "own") for entity in ("customers.company", "customers.contact")),
        _COMPANIES,
        *_CATALOGUE,
    ],
)
MANAGER = Role(
    "sales.manager",
    _("Sales manager"),
    [
        *(
            Grant(
                entity,
                ["read", "create", "update", "delete", "move", "transfer", "share", "export"],
                "subtree",
            )
            for entity in _SALES
        ),
        Grant("customers.contact", ["read"], "subtree"),
        *(Grant(entity, ["create", "update"], "subtree") for entity in ("customers.company", "customers.contact")),
        _COMPANIES,
        *_CATALOGUE,
    ],
)
VIEWER = Role(
    "sales.viewer",
    _("Sales viewer"),
    [*(Grant(entity, ["read"], "all") for entity in _SALES), _COMPANIES, *_CATALOGUE],
)
ADMIN = Role(
    "sales.admin",
    _("Sales administrator"),
    [
        *(
            Grant(entity, ["read", "create", "update", "delete", "move", "transfer", "share", "export"], "all")
            for entity in _SALES
        ),
        *(Grant(entity, ["read", "create", "update"], "all") for entity in ("customers.company", "customers.contact")),
        *_CATALOGUE,
    ],
)

ROLES = (AGENT, MANAGER, VIEWER, ADMIN)
