"""The entities in which automations and their runs are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from crmkit.core.entity import Record, entity, field, ref
from crmkit.core.fields import Choice, File, Integer, Json, LongText, Option, Text
from crmkit.core.text import gettext as _

__all__ = ["AUTOMATING", "AutomationRecord", "AutomationRun"]


@entity("core.automation", label=_("Automation"))
class AutomationRecord(Record):
    """An automation made at run time, or what was made here of one that a plugin ships.

    *since* is the row of the ledger up to which nothing sets it off. *off_reason* says why crmkit has switched it off.
    """

    name: str = field(Text(max=80), unique=True, label=_("Name"), help=_("Begins with 'custom.'"))
    entity: str = field(Text(max=80), label=_("Entity"))
    trigger: Mapping[str, Any] = field(Json(), label=_("Trigger"))
    condition: str | None = field(LongText(max=10_000), default=None, label=_("Condition"))
    actions: Sequence[Mapping[str, Any]] = field(Json(), label=_("Actions"))
    is_active: bool = field(default=True, label=_("Active"))
    runs_as_id: UUID | None = ref(
        "core.user", default=None, label=_("Acts as"), help=_("The user whose rights it has; nobody for the system")
    )
    position: int = field(Integer(min=-1_000_000, max=1_000_000), default=0, label=_("Position"))
    note: str | None = field(LongText(max=2000), default=None, label=_("Note"))
    since: int = field(default=0, label=_("Since row of the ledger"))
    off_reason: str | None = field(LongText(max=2000), default=None, label=_("Why it was switched off"))


_OUTCOMES = [
    Option("done", _("Done")),
    Option("unmet", _("The condition did not hold")),
    Option("failed", _("Failed")),
]


@entity(
    "core.automation_run",
    label=_("Run of an automation"),
    unique=[("automation", "occasion")],
    tells_of=("entity", "record_id"),
)
class AutomationRun(Record):
    """What came of one occasion on which an automation was set off; *wrote* names records and fields, no values."""

    automation: str = field(Text(max=80), label=_("Automation"))
    occasion: str = field(Text(max=100), label=_("Occasion"), help=_("#position of the event, or when it was due"))
    entity: str = field(Text(max=80), label=_("Entity"))
    record_id: UUID = field(File(), label=_("Record"))
    ran_at: datetime = field(indexed=True, label=_("Ran at"))
    outcome: str = field(Choice(_OUTCOMES), label=_("Outcome"))
    tries: int = field(default=1, label=_("Tries"))
    error: str | None = field(LongText(max=2000), default=None, label=_("Error"))
    wrote: Sequence[Mapping[str, Any]] = field(Json(), factory=list, label=_("Wrote"))


AUTOMATING = (AutomationRecord, AutomationRun)
