"""Leads and deals, the pipelines they pass through, funnel and forecast."""

from __future__ import annotations

from crmkit import Plugin, translator

__all__ = ["PLUGIN"]

_ = translator(__name__)

PLUGIN = Plugin(
    name="sales",
    version="0.1.0",
    label=_("Sales"),
    summary=_("Leads and deals, the pipelines they pass through, funnel and forecast"),
    requires={"customers": ">=0.1,<1", "commerce": ">=0.1,<1"},
)
