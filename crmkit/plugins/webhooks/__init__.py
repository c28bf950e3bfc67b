"""Webhooks: other programs are told what happens here, signed, again and again until they have it."""

from __future__ import annotations

from crmkit import Plugin, translator

__all__ = ["PLUGIN"]

_ = translator(__name__)

PLUGIN = Plugin(
    name="webhooks",
    version="0.1.0",
    label=_("Webhooks"),
    summary=_("Other programs are told what happens here"),
    requires={"workspace": ">=0.1,<1"},
    by_default=False,
)
