"""Who may do what with companies, contacts and interactions."""

from __future__ import annotations

from crmkit import Grant, Mask, Role, translator

__all__ = ["ROLES"]

_ = translator(__package__)

_CUSTOMERS = ("customers.company", "customers.contact")
# A participant needs no narrower scope: it is seen only where its interaction is.
_PARTICIPANTS = Grant("customers.participant", ["read", "create", "delete"], "all")
# As little: it is seen only where both records are.
_DECISIONS = Grant("customers.not_duplicate", ["read", "create", "delete"], "all")

# It is seen only with its contact, and never changed. Nobody but an administrator takes one away.
_CONSENTS = Grant("customers.consent", ["read", "create", "export"], "all")

AGENT = Role(
    "customers.agent",
    _("Customer agent"),
    [
        *(Grant(entity, ["read"], "team") for entity in (*_CUSTOMERS, "customers.interaction")),
        *(Grant(entity, ["create", "update", "share", "export"], "own") for entity in _CUSTOMERS),
        Grant("customers.interaction", ["create", "update", "delete", "share", "export"], "own"),
        _PARTICIPANTS,
        _DECISIONS,
        _CONSENTS,
    ],
)
MANAGER = Role(
    "customers.manager",
    _("Customer manager"),
    [
        *(
            Grant(entity, ["read", "create", "update", "delete", "transfer", "share", "export"], "subtree")
            for entity in (*_CUSTOMERS, "customers.interaction")
        ),
        _PARTICIPANTS,
        _DECISIONS,
        _CONSENTS,
    ],
)
VIEWER = Role(
    "customers.viewer",
    _("Customer viewer"),
    [
        Grant(entity, ["read"], "all")
        for entity in (
            *_CUSTOMERS,
            "customers.interaction",
            "customers.participant",
            "customers.not_duplicate",
            "customers.consent",
        )
    ],
    # Whoever looks customers up learns that somebody talked to them, not what was said.
    [Mask("customers.interaction", ["body"])],
)

ROLES = (AGENT, MANAGER, VIEWER)
