"""Products and what they cost."""

from __future__ import annotations

from crmkit import Plugin, translator

__all__ = ["PLUGIN"]

_ = translator(__name__)

PLUGIN = Plugin(
    name="commerce",
    version="0.1.0",
    label=_("Commerce"),
    summary=_("Products and what they cost"),
)
