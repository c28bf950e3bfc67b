"""What is kept of the runs of automations, and that one which fails again and again is switched off."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

import attrs

from crmkit.core.automating.automation import Automation
from crmkit.core.automating.entities import AutomationRecord, AutomationRun
from crmkit.core.automating.parts import written
from crmkit.core.entity import entity_info
from crmkit.core.ledger import Entry
from crmkit.core.text import gettext as _, translate
from crmkit.core.writing.changes import Write, creation

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["Kept", "keep_run", "keep_switched", "stored_values", "switch_off_if_hopeless"]

_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())
#: After so many occasions in a row on which it failed an automation is switched off.
HOPELESS = 5
_LONGEST = 2000


@attrs.frozen
class Kept:
    """What came of one occasion: what was written, who is told something, or the error."""

    outcome: Literal["done", "unmet", "failed"]
    entries: Sequence[Entry] = ()
    error: BaseException | None = None
    told: Sequence[tuple[str, UUID]] = ()

    @property
    def wrote(self) -> list[dict[str, Any]]:
        """The records that were written, with the names of fields and no values, and the users who are told something.

        Of the latter *kind* is the id of the action that tells them.
        """
        told = [{"entity": "core.user", "id": str(user), "kind": action, "fields": []} for action, user in self.told]
        return [
            {"entity": e.entity, "id": str(e.record_id), "kind": e.kind, "fields": sorted(e.changes)}
            for e in self.entries
        ] + told

    @property
    def told_error(self) -> str | None:
        """What the error says, as long as it may be kept."""
        if self.error is None:
            return None
        told = f"{type(self.error).__name__}: {self.error}".replace("\x00", "")
        return told.encode("utf-8", "replace").decode("utf-8")[:_LONGEST]


def keep_run(db: Writer, automation: Automation, occasion: str, record: UUID, kept: Kept) -> None:
    """Keep what came of *occasion*, in the place of what came of it when it was tried before."""
    values: dict[str, Any] = {
        "ran_at": db.now,
        "outcome": kept.outcome,
        "error": kept.told_error,
        "wrote": kept.wrote,
    }
    f: Any = AutomationRun.f
    before = db.trusted.find(AutomationRun, (f.automation == automation.id) & (f.occasion == occasion))
    if before:
        values["tries"] = before[0].tries + 1
        db.take(Write("update", entity_info(AutomationRun), before[0].id, values, trusted=True))
        return
    told = AutomationRun(
        automation=automation.id, occasion=occasion, entity=automation.entity, record_id=record, **values
    )
    db.take(creation(told, trusted=True))


def switch_off_if_hopeless(db: Writer, automation: Automation) -> None:
    """Switch *automation* off if it failed on each of the last few occasions."""
    f: Any = AutomationRun.f
    # A condition that did not hold says nothing of whether the actions could be done.
    asked = (f.automation == automation.id) & (f.outcome != "unmet")
    last = db.trusted.find(AutomationRun, asked, order_by=("-ran_at", "-id"), limit=HOPELESS)
    if len(last) < HOPELESS or {run.outcome for run in last} != {"failed"}:
        return
    reason = translate(_("It failed {times} times in a row, the last time with: {error}"))
    told = reason.format(times=HOPELESS, error=last[0].error)[:_LONGEST]
    keep_switched(db, automation, is_active=False, off_reason=told)
    _log.error("automation %s is switched off: %s", automation.id, told)


def keep_switched(db: Writer, automation: Automation, *, is_active: bool, off_reason: str | None) -> None:
    """Switch *automation* on or off for the system; of one that a plugin ships a row is made that says so."""
    values = {"is_active": is_active, "off_reason": off_reason}
    found = db.trusted.find(AutomationRecord, AutomationRecord.f.name == automation.id)
    if found:
        db.take(Write("update", entity_info(AutomationRecord), found[0].id, values, trusted=True))
    else:
        made = AutomationRecord(name=automation.id, **{**stored_values(automation), **values})
        db.take(creation(made, trusted=True))


def stored_values(automation: Automation) -> Mapping[str, Any]:
    """Return what a row of *automation* has in its fields, but for the name."""
    return {
        "entity": automation.entity,
        "trigger": written(automation.trigger),
        "condition": None if automation.condition is None else automation.condition.text,
        "actions": written(automation.actions),
        "is_active": automation.is_active,
        "runs_as_id": automation.runs_as,
        "position": automation.position,
        "note": automation.note or None,
    }
