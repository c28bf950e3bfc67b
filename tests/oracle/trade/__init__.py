"""A throw-away plugin with every kind of entity that policy treats differently."""

from __future__ import annotations

from crmkit import Plugin, translator

_ = translator("tests.oracle.trade")

PLUGIN = Plugin("trade", "1.0", label=_("Trade"))
