"""The automations that the plugin ships, switched off."""

from __future__ import annotations

from crmkit import Automation, MoveStage, OnDue

__all__ = ["AUTOMATIONS"]

AUTOMATIONS = [
    Automation(
        "sales.give_up_forgotten_leads",
        "sales.lead",
        OnDue("stage_entered_at", days=90),
        [MoveStage("disqualified", "unreachable")],
        'stage_kind == "open"',
        is_active=False,
        note="A lead that stands in its stage for 90 days is disqualified as one who cannot be reached.",
    )
]
