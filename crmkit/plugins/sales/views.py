"""The views of leads and deals, shown where the workspace keeps views."""

from __future__ import annotations

from crmkit import Shipped, translator

__all__ = ["SHIPPED"]

_ = translator(__package__)

SHIPPED = [
    Shipped(
        "sales.my_open_deals",
        "workspace.view",
        {
            "name": _("My open deals"),
            "listed": "sales.deal",
            "rule": 'owner_id == me() && stage_kind == "open"',
            "columns": "number name company_id stage amount expected_close_on",
            "order_by": "expected_close_on",
        },
    ),
    Shipped(
        "sales.open_deals_by_stage",
        "workspace.view",
        {
            "name": _("Open deals by stage"),
            "listed": "sales.deal",
            "rule": 'stage_kind == "open"',
            "columns": "name company_id amount owner_id",
            "order_by": "expected_close_on",
            "group_by": "stage",
            "kind": "board",
        },
    ),
    Shipped(
        "sales.open_leads",
        "workspace.view",
        {
            "name": _("Open leads"),
            "listed": "sales.lead",
            "rule": 'stage_kind == "open"',
            "columns": "number name company_name stage source owner_id created_at",
            "order_by": "-created_at",
        },
    ),
]
