"""What plugins ship of views, and the views of tasks."""

from __future__ import annotations

from crmkit import Shipped, ShippedKind, StoredNames, translator

__all__ = ["SHIPPED", "SHIPPED_KINDS", "STORED_NAMES"]

_ = translator(__package__)

SHIPPED_KINDS = [
    ShippedKind(
        "workspace.view",
        ["name", "listed", "rule", "columns", "order_by", "group_by", "kind", "audience"],
        defaults={"audience": "everybody"},
        words=["columns"],
    )
]
STORED_NAMES = [StoredNames("workspace.view", "listed", rules=["rule"], names=["columns", "order_by", "group_by"])]
SHIPPED = [
    Shipped(
        "workspace.my_open_tasks",
        "workspace.view",
        {
            "name": _("My open tasks"),
            "listed": "workspace.task",
            "rule": "owner_id == me() && !is_done",
            "columns": "title regarding priority due_on progress",
            "order_by": "due_on",
        },
    )
]
