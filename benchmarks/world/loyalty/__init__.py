"""A plugin for measuring: it adds a tier and a score to another plugin's deals."""

from __future__ import annotations

from crmkit import Plugin, translator

__all__ = ["PLUGIN"]

_ = translator(__package__)

PLUGIN = Plugin(name="loyalty", version="1.0", label=_("Loyalty"), requires=["trade"])
