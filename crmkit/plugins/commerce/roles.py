"""Who may do what with products and prices."""

from __future__ import annotations

from crmkit import Grant, Role, translator

__all__ = ["ROLES"]

_ = translator(__package__)

_ENTITIES = ("commerce.product", "commerce.price")

VIEWER = Role("commerce.viewer", _("Catalogue viewer"), [Grant(entity, ["read"], "all") for entity in _ENTITIES])
MANAGER = Role(
    "commerce.manager",
    _("Catalogue manager"),
    [Grant(entity, ["read", "create", "update", "delete", "export"], "all") for entity in _ENTITIES],
)

ROLES = (VIEWER, MANAGER)
