"""What is shown with a webhook: its newest messages."""

from __future__ import annotations

from crmkit import Section, translator

__all__ = ["SECTIONS"]

_ = translator(__package__)

SECTIONS = (
    Section(
        "webhooks.deliveries",
        _("Messages"),
        "webhooks.delivery",
        via="endpoint",
        order_by="-id",
        fields=["event", "state", "attempts", "status", "happened_at"],
        rank=30,
    ),
)
