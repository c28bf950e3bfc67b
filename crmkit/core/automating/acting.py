"""Doing what an automation does with one record, through the writer of the user as whom it acts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import msgspec

from crmkit.core.automating.assigning import choose
from crmkit.core.automating.automation import Automation, Told
from crmkit.core.automating.parts import Assign, CreateRecord, MoveStage, RunAction, SetFields, Step
from crmkit.core.automating.templates import Template
from crmkit.core.automating.values import read_text, read_value
from crmkit.core.entity import EntityInfo, Record
from crmkit.core.errors import NotFoundError
from crmkit.core.fields import FieldType
from crmkit.core.policy.rule_sources import FieldScope
from crmkit.core.rules.rule import Rule

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["act", "find_subject"]


def find_subject(db: Writer, automation: Automation, record: UUID) -> Record | None:
    """Return the record with this id if the automation's condition holds for it; ``None`` if not, or it is not there.

    Raises:
        RuleError: the user as whom it acts may not read what the condition reads.
    """
    rule = Rule.parse(f'id == "{record}"')
    if automation.condition is not None:
        rule &= automation.condition
    found = db.find(db.entity(automation.entity), rule, limit=1)
    return found[0] if found else None


def act(db: Writer, automation: Automation, record: Record) -> list[tuple[str, UUID]]:
    """Do all actions of *automation* with *record*, each with what those before it have made of it.

    Returned are the users who are told something, each with the action.
    """
    doing = _Doing(db, automation)
    for place, step in enumerate(automation.actions):
        doing.step(place, step, record)
        try:
            record = db.get(type(record), record.id)
        except NotFoundError:
            # It was given to somebody whose records this user does not see: nothing further can be done with it.
            if place < len(automation.actions) - 1:
                raise
            break
    return doing.told


class _Doing:
    def __init__(self, db: Writer, automation: Automation) -> None:
        self.db, self.automation = db, automation
        self.info = db.model.registry.entity(automation.entity)
        self.told: list[tuple[str, UUID]] = []
        self.scope = FieldScope(db.model.registry, self.info, None if db.access.is_system else db.access)

    def step(self, place: int, step: Step, record: Any) -> None:
        match step:
            case SetFields():
                self.db.update(record, self.values(self.info, step.values, record))
            case CreateRecord():
                self._create(self.db.model.registry.entity(step.entity), step, record)
            case MoveStage() if record.stage != step.stage:
                self.db.move(record, step.stage, reason=step.reason, note=step.note)
            case Assign():
                holder = choose(self.db, self.automation.id, place, step.to, record)
                if holder is not None:
                    self.db.transfer(record, holder.user, team=holder.team)
            case RunAction():
                self._run(step, record)

    def _create(self, info: EntityInfo, step: CreateRecord, record: Record) -> None:
        values = self.values(info, step.values, record)
        custom = {name.removeprefix("custom."): values.pop(name) for name in list(values) if name in info.custom}
        self.db.create(info.cls(**values, **({"custom": custom} if custom else {})))

    def _run(self, step: RunAction, record: Record) -> None:
        action = self.db.model.registry.actions[step.action]
        hints = {each.name: each.type for each in attrs.fields(attrs.resolve_types(action.arguments))}
        given = {
            name: read_text(value, self.scope) if hints.get(name) is Template else self.value(value, None, record)
            for name, value in step.arguments.items()
        }
        done = action.function(self.db, record, msgspec.convert(given, action.arguments))
        if isinstance(done, Told):
            self.told += [(action.id, user) for user in done.users]

    def values(self, info: EntityInfo, given: Mapping[str, Any], record: Record) -> dict[str, Any]:
        fields = self.db.model.registry.fields(info.id)
        return {name: self.value(value, fields[name].type, record) for name, value in given.items()}

    def value(self, given: Any, kind: FieldType | None, record: Record) -> Any:
        return read_value(given, kind, self.scope)(self.db, record)
