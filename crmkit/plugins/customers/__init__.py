"""Companies, the people in them, and every conversation with them."""

from __future__ import annotations

from crmkit import Plugin, translator

__all__ = ["PLUGIN"]

_ = translator(__name__)

PLUGIN = Plugin(
    name="customers",
    version="0.1.0",
    label=_("Customers"),
    summary=_("Companies, the people in them, and every conversation with them"),
)
