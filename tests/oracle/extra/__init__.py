"""A throw-away plugin that adds fields to another's deals."""

from __future__ import annotations

from crmkit import Plugin, translator

_ = translator("tests.oracle.extra")

PLUGIN = Plugin("extra", "1.0", label=_("Extra"), requires={"trade": ""})
