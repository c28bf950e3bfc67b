"""What administrators do with automations: save them, switch them on and off, and look them up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crmkit.core.automating.automation import Automation
from crmkit.core.automating.entities import AutomationRecord
from crmkit.core.automating.keeping import stored_values
from crmkit.core.errors import NotFoundError

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader
    from crmkit.core.writing.writer import Writer

__all__ = ["automations_of", "find_automation", "remove_automation", "save_automation", "switch_automation"]


def automations_of(db: Reader) -> list[Automation]:
    """Return the automations that the principal may read, shipped ones and those made here, by name."""
    kept = {record.name: record for record in db.find(AutomationRecord)}
    info = db.model.registry.entity(AutomationRecord)
    sees_all = db.access.is_system or db.access.entity(info).scope("read").level == "all"
    known = db.model.registry.automations
    return [known[name] for name in sorted(known) if name in kept or sees_all]


def find_automation(db: Reader, name: str) -> Automation:
    """Return the automation *name*.

    Raises:
        NotFoundError: there is none that the principal may read, or it does not fit any more.
    """
    found = next((each for each in automations_of(db) if each.id == name), None)
    if found is None:
        raise NotFoundError("core.automation", name)
    return found


def save_automation(db: Writer, name: str, values: Mapping[str, Any]) -> AutomationRecord:
    """Keep *values* as the automation *name*, in the place of the one of this name, and return it.

    Raises:
        ValidationError: it makes no sense, or would act as somebody as whom the principal may let nothing act.
        ForbiddenError: no grant allows it.
    """
    found = db.find(AutomationRecord, AutomationRecord.f.name == name)
    return db.update(found[0], values) if found else db.create(AutomationRecord(name=name, **values))


def switch_automation(db: Writer, name: str, *, on: bool) -> AutomationRecord:
    """Switch the automation *name* on or off and return it; of one that a plugin ships a row is made that says so.

    Raises:
        NotFoundError: there is no such automation.
        ValidationError: it does not fit any more, so that it cannot be switched on.
        ForbiddenError: no grant allows it.
    """
    found = db.find(AutomationRecord, AutomationRecord.f.name == name)
    values = {} if found else {**stored_values(find_automation(db, name))}
    return save_automation(db, name, {**values, "is_active": on})


def remove_automation(db: Writer, name: str) -> None:
    """Remove the automation *name*; one that a plugin ships is not there any more, and no upgrade brings it back.

    Raises:
        NotFoundError: there is no such automation.
        ForbiddenError: no grant allows it.
    """
    found = db.find(AutomationRecord, AutomationRecord.f.name == name)
    db.delete(found[0] if found else switch_automation(db, name, on=False))
