"""Whether an automation fits what the CRM consists of.

Every entity, field, stage, event and action is there, and each value is of the kind that its field takes. With an
access, what that may not read or write does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs
import msgspec

from crmkit.core.automating.automation import Automation
from crmkit.core.automating.parts import (
    Assign,
    ByRule,
    CreateRecord,
    LeastBusy,
    MoveStage,
    OnCron,
    OnDue,
    OnEvent,
    OnWrite,
    Pool,
    RunAction,
    SetFields,
    To,
    Way,
)
from crmkit.core.automating.templates import Template
from crmkit.core.automating.values import read_text, read_value, reason_of
from crmkit.core.entity import EntityInfo
from crmkit.core.errors import CrmkitError, DeclarationError, FieldProblem
from crmkit.core.fields import Date, DateTime
from crmkit.core.policy.rule_sources import FieldScope
from crmkit.core.registry_encryption import has_order
from crmkit.core.rules.check import check
from crmkit.core.rules.rule import Rule
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.policy.access import Access
    from crmkit.core.registry import Registry

__all__ = ["check_automation", "problems_of"]

# Changed by verbs of their own.
_BY_VERB = frozenset({"owner_id", "team_id", "pipeline", "stage"})


def check_automation(registry: Registry, automation: Automation) -> Iterator[CrmkitError]:
    """Yield every reason why *automation* does not fit into *registry*."""
    for problem in problems_of(registry, automation):
        yield DeclarationError(f"automation {automation.id}", _("{reason}"), reason=reason_of(problem))


def problems_of(registry: Registry, automation: Automation, access: Access | None = None) -> list[FieldProblem]:
    """Return every problem of *automation*, as far as *access* goes; of the system, and without one, it has no end."""
    info = registry.entities.get(automation.entity)
    if info is None or info.id.startswith("core.automation"):
        return [FieldProblem("entity", _("there is no entity {entity!r}"), entity=automation.entity)]
    limits = None if access is None or access.is_system else access
    checking = _Checking(registry, automation, info, limits)
    checking.all()
    return checking.problems


class _Checking:
    def __init__(self, registry: Registry, automation: Automation, info: EntityInfo, access: Access | None) -> None:
        self.registry, self.automation, self.info, self.access = registry, automation, info, access
        self.scope = FieldScope(registry, info, access)
        self.problems: list[FieldProblem] = []

    def all(self) -> None:
        self.trigger()
        if self.automation.condition is not None:
            self.tried("condition", "", self.rule, self.automation.condition, self.scope)
        for place, step in enumerate(self.automation.actions):
            self.step(f"actions[{place}]", step)

    def problem(self, field: str, where: str, message: str, **facts: Any) -> None:
        if where:
            reason = reason_of(FieldProblem("", message, **facts))
            self.problems.append(FieldProblem(field, _("{where}: {reason}"), where=where, reason=reason))
        else:
            self.problems.append(FieldProblem(field, message, **facts))

    def tried(self, field: str, where: str, look: Callable[..., object], *given: Any) -> None:
        """Note what *look* raises."""
        try:
            look(*given)
        except CrmkitError as error:
            self.problem(field, where, _("{reason}"), reason=reason_of(error))

    def rule(self, rule: Rule | str, scope: FieldScope) -> None:
        check(Rule.of(rule), scope)

    # What sets it off.

    def trigger(self) -> None:
        match self.automation.trigger:
            case OnWrite(changes=changes, enters=enters, stages=stages):
                for name in changes:
                    self.tried("trigger", "changes", self.scope.named, name)
                if (enters or stages) and not self.info.pipelined:
                    self.problem("trigger", "", _("{entity!r} is no Pipelined entity"), entity=self.info.id)
                for stage in stages if self.info.pipelined else ():
                    self.stage("trigger", "stages", stage)
            case OnEvent(event=event):
                told = self.registry.events.get(event)
                if told is None or told.trigger.entity not in ("*", self.info.id):
                    message = _("there is no event {event!r} of {entity}")
                    self.problem("trigger", "event", message, event=event, entity=self.info.id)
            case OnCron():
                if self.automation.condition is None:
                    self.problem("condition", "", _("say for which records the clock strikes"))
            case OnDue(at=at):
                field = self.info.fields.get(at)
                if not self.readable(at) or not has_order(field, Date, DateTime):
                    name = f"{self.info.id}.{at}"
                    self.problem("trigger", "at", _("{name!r} is no field with a date or a time"), name=name)

    def readable(self, name: str) -> bool:
        return self.access is None or name in self.access.entity(self.info).readable

    def stage(self, field: str, where: str, stage: str) -> None:
        pipelines = self.registry.pipelines_of(self.info.id)
        known = sorted({each.slug for pipeline in pipelines for each in pipeline.stages})
        if stage not in known:
            message = _("there is no stage {stage!r}; there are {known}")
            self.problem(field, where, message, stage=stage, known=", ".join(known))

    # What it does.

    def step(self, where: str, step: Any) -> None:
        match step:
            case SetFields():
                self.values(where, self.info, step.values)
            case CreateRecord():
                self.create(where, step)
            case MoveStage():
                if self.info.pipelined:
                    self.stage("actions", f"{where}.stage", step.stage)
                else:
                    self.problem("actions", where, _("{entity!r} is no Pipelined entity"), entity=self.info.id)
            case Assign():
                if not self.info.owned:
                    self.problem("actions", where, _("records of {entity} have no owner"), entity=self.info.id)
                self.way(f"{where}.to", step.to)
            case RunAction():
                self.run(where, step)

    def create(self, where: str, step: CreateRecord) -> None:
        info = self.registry.entities.get(step.entity)
        if info is None or info.id.startswith("core.automation"):
            self.problem("actions", where, _("there is no entity {entity!r}"), entity=step.entity)
            return
        self.values(where, info, step.values, is_new=True)
        for field in info.fields.values():
            if field.init and not field.nullable and not field.has_default and field.name not in step.values:
                message = _("{name} must have a value")
                self.problem("actions", f"{where}.values", message, name=f"{info.id}.{field.name}")

    def values(self, where: str, info: EntityInfo, given: Mapping[str, Any], *, is_new: bool = False) -> None:
        fields = self.registry.fields(info.id)
        writable = None if self.access is None else self.access.entity(info).writable
        for name, value in given.items():
            at, field = f"{where}.values.{name}", fields.get(name)
            if field is None or (writable is not None and name not in writable):
                message = _("there is no field {name!r} that may be written")
                self.problem("actions", at, message, name=f"{info.id}.{name}")
            elif not field.init or (name in _BY_VERB and not is_new):
                self.problem("actions", at, _("{name} is not set; move or assign the record"), name=name)
            else:
                self.tried("actions", at, read_value, value, field.type, self.scope)

    def way(self, where: str, way: Way) -> None:
        users = FieldScope(self.registry, self.registry.entities["core.user"], self.access)
        if isinstance(way, Pool):
            if (way.team is None) == (not way.users):
                self.problem("actions", where, _("either a team or users"))
            if way.where is not None:
                self.tried("actions", f"{where}.where", self.rule, way.where, users)
            if isinstance(way, LeastBusy) and way.open is not None:
                self.tried("actions", f"{where}.open", self.rule, way.open, self.scope)
        elif isinstance(way, To) and (way.user or way.team) is None:
            self.problem("actions", where, _("a user, a team, or both"))
        elif isinstance(way, ByRule):
            for place, case in enumerate(way.choices):
                at = f"{where}.choices[{place}]"
                self.tried("actions", f"{at}.when", self.rule, case.when, self.scope)
                if (case.user or case.team) is None:
                    self.problem("actions", at, _("a user, a team, or both"))

    def run(self, where: str, step: RunAction) -> None:
        action = self.registry.actions.get(step.action)
        if action is None:
            known = ", ".join(sorted(self.registry.actions)) or "-"
            message = _("there is no action {action!r}; there are {known}")
            self.problem("actions", f"{where}.action", message, action=step.action, known=known)
            return
        taken = attrs.fields_dict(action.arguments)
        for name, value in step.arguments.items():
            at = f"{where}.arguments.{name}"
            if name not in taken:
                known = ", ".join(taken) or "-"
                self.problem("actions", at, _("{action} takes {known}"), action=action.id, known=known)
                continue
            is_text = attrs.fields_dict(attrs.resolve_types(action.arguments))[name].type is Template
            self.tried("actions", at, *((read_text, value) if is_text else (read_value, value, None)), self.scope)
        for name, each in taken.items():
            if each.default is attrs.NOTHING and name not in step.arguments:
                self.problem("actions", f"{where}.arguments", _("{name} must have a value"), name=name)
        self.constants(where, action.arguments, step.arguments)

    def constants(self, where: str, arguments: type[Any], given: Mapping[str, Any]) -> None:
        """Look at the constants among the arguments; what is worked out for each record is looked at then."""
        hints = {each.name: each.type for each in attrs.fields(attrs.resolve_types(arguments))}
        for name, value in given.items():
            is_constant = not (isinstance(value, Mapping) and value.keys() & {"expression", "template"})
            if is_constant and hints.get(name, Template) is not Template:
                try:
                    msgspec.convert(value, hints[name])
                except msgspec.ValidationError as error:
                    self.problem("actions", f"{where}.arguments.{name}", _("{reason}"), reason=str(error))
