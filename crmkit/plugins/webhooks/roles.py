"""Who may have other programs told what happens, and see what became of it."""

from __future__ import annotations

from crmkit import Grant, Mask, Restriction, Role, translator

__all__ = ["ROLES"]

_ = translator(__package__)

_MINE = "acts_as_id == me()"
_OF_MINE = "endpoint.acts_as_id == me()"

DEVELOPER = Role(
    "webhooks.developer",
    _("Webhook developer"),
    [
        Grant("webhooks.endpoint", ["read", "create", "update", "delete", "export"], _MINE),
        Grant("webhooks.delivery", ["read", "export"], _OF_MINE),
        Grant("webhooks.replay", ["read", "create"], _OF_MINE),
        Grant("webhooks.source", ["read", "create", "update", "delete", "export"], _MINE),
    ],
)
OPERATOR = Role(
    "webhooks.operator",
    _("Webhook operator"),
    [
        Grant("webhooks.endpoint", ["read", "update", "delete", "export"], "all"),
        Grant("webhooks.delivery", ["read", "export"], "all"),
        Grant("webhooks.replay", ["read", "create"], "all"),
        Grant("webhooks.source", ["read", "update", "delete", "export"], "all"),
    ],
    # What endpoints answer may repeat what the operator may not read.
    [
        Mask("webhooks.endpoint", ["secret", "old_secret"]),
        Mask("webhooks.source", ["secret", "old_secret"]),
        Mask("webhooks.delivery", ["response"]),
    ],
)

# What was sent, and what came of it, crmkit alone writes down.
KEPT = Restriction("webhooks.kept", "webhooks.delivery", "id == null", ["create", "update"])

ROLES = (DEVELOPER, OPERATOR, KEPT)
