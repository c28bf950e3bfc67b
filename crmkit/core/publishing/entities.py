"""The versions of pipelines that are made at run time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from crmkit.core.entity import Record, entity, field
from crmkit.core.fields import Json, LongText, Text
from crmkit.core.text import gettext as _

__all__ = ["FIRST_LOCAL", "PipelineVersion"]

# Plugins number what they ship from 1 on. What a company makes of it begins here, so that a later upgrade of the
# plugin never ships a version under a number that records pin already.
FIRST_LOCAL = 1000


@entity("core.pipeline_version", label=_("Pipeline version"), unique=[("pipeline", "number")])
class PipelineVersion(Record):
    """One version of a pipeline; a draft until it is published.

    *mapping* says into which stages records go whose stage does not exist any more. *based_on* is the version that
    was edited. *base* is the version that the plugin shipped then, with its definition, for a later merge.
    """

    pipeline: str = field(Text(max=64), label=_("Pipeline"))
    number: int = field(label=_("Version number"))
    definition: Mapping[str, Any] = field(Json(), label=_("Definition"))
    mapping: Mapping[str, str] = field(Json(), factory=dict, label=_("Mapping of stages"))
    based_on: int | None = field(default=None, label=_("Based on version"))
    base: int | None = field(default=None, label=_("Shipped version"))
    base_definition: Mapping[str, Any] | None = field(Json(), default=None, label=_("Shipped definition"))
    published_at: datetime | None = field(default=None, label=_("Published at"))
    note: str | None = field(LongText(max=2000), default=None, label=_("Note"))
