"""A plugin for measuring: companies and deals, as a company would declare them."""

from __future__ import annotations

from crmkit import Plugin, translator

__all__ = ["PLUGIN"]

_ = translator(__package__)

PLUGIN = Plugin(name="trade", version="1.0", label=_("Trade"))
