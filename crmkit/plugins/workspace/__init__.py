"""Tasks, comments, files and tags on any record, and what people are told of them."""

from __future__ import annotations

from crmkit import Plugin, translator

__all__ = ["PLUGIN"]

_ = translator(__name__)

PLUGIN = Plugin(
    name="workspace",
    version="0.1.0",
    label=_("Workspace"),
    summary=_("Tasks, comments, files and tags on any record"),
)
