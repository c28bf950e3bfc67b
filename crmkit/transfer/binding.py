"""A plan put beside a CRM: every entity, field and value checked before the first row is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

import attrs

from crmkit.core.entity import EntityInfo, FieldInfo
from crmkit.core.fields import AnyReference, Choice, Number, Option, Reference, Refused
from crmkit.core.policy.access import Access
from crmkit.core.policy.existing import exists_for
from crmkit.core.registry import Registry
from crmkit.core.text import Text, gettext as _
from crmkit.transfer.convert import Converter, converter
from crmkit.transfer.errors import PlanError
from crmkit.transfer.plan import ColumnValue, Constant, FieldPlan, Formats, ImportPlan, Lookup, Step

__all__ = ["BoundField", "BoundLookup", "BoundStep", "bind", "may_tell_history"]

#: What a transfer changes.
TRANSFERRED = ("owner_id", "team_id")
ENTERED = "stage_entered_at"


@attrs.frozen(eq=False)
class BoundLookup:
    """Where a reference leads: the entity, and by what its records are found."""

    entity: EntityInfo
    plan: Lookup
    #: What turns the text of the row into a value of the field that is searched, if one is.
    read: Converter | None
    any: bool

    @property
    def source(self) -> tuple[str, str, str]:
        """What its keys are looked up in: the entity, and the system or the field."""
        return self.entity.id, self.plan.system or "", self.plan.by or ""


@attrs.frozen(eq=False)
class BoundField:
    """One field of a step: the field, its place in the plan, and what reads its cells."""

    plan: FieldPlan
    info: FieldInfo
    read: Callable[[Formats], Converter]
    constant: Any = None
    lookup: BoundLookup | None = None

    @property
    def name(self) -> str:
        """The field's name."""
        return self.plan.field


@attrs.frozen(eq=False)
class BoundStep:
    """One step that fits the CRM."""

    plan: Step
    entity: EntityInfo
    fields: tuple[BoundField, ...]
    #: What a new record has where the plan says nothing.
    defaults: Mapping[str, Callable[[], Any]]

    @property
    def refers_to_itself(self) -> bool:
        """Whether a row may point at a record that a later row makes."""
        own = self.entity.id, self.plan.system, ""
        return any(field.lookup is not None and field.lookup.source == own for field in self.fields)


def may_tell_history(access: Access) -> bool:
    """Return whether *access* may place records in stages that they entered long ago: the system, administrators."""
    return access.is_system or ("core.administrator" in access.role_ids and not access.is_limited)


def bind(plan: ImportPlan, registry: Registry, access: Access) -> tuple[BoundStep, ...]:
    """Return the steps of *plan* for the CRM of *registry* and the principal of *access*.

    Raises:
        PlanError: an entity or a field does not exist for the principal, is set by crmkit, is missing, or cannot
            take what the plan gives it.
    """
    return tuple(_Binder(step, registry, access).bind() for step in plan.steps)


class _Binder:
    """Binds one step."""

    def __init__(self, step: Step, registry: Registry, access: Access) -> None:
        self._step, self._registry, self._access = step, registry, access
        self._entity = self._find_entity(step.entity, step.where)
        self._known = registry.fields(self._entity.id)
        self._currency = registry.currency
        self._readable = access.entity(self._entity).readable & set(self._known)

    def bind(self) -> BoundStep:
        fields = tuple(self._field(plan) for plan in self._step.fields)
        own = [field for field in self._own() if field.has_default]
        self._check_required({field.name for field in fields})
        if self._step.duplicates != "ignore" and self._entity.id not in self._registry.matchers:
            message = _("nothing says by what records of {entity} are recognised, so that duplicates are not found")
            raise PlanError(self._step.where, message, entity=self._entity.id)
        return BoundStep(self._step, self._entity, fields, {f.name: f.default for f in own})

    def _find_entity(self, entity: str, where: str) -> EntityInfo:
        known = {id_: info for id_, info in self._registry.entities.items() if exists_for(self._access, info)}
        if entity not in known:
            _refuse(where, _("there is no entity {given!r}"), entity, list(known))
        return known[entity]

    def _field(self, plan: FieldPlan) -> BoundField:
        if plan.field not in self._readable:
            message = _("{entity} has no field {given!r}")
            _refuse(plan.where, message, plan.field, sorted(self._readable), entity=self._entity.id)
        info = self._known[plan.field]
        if isinstance(info.type, Number) or (info.is_system and not self._may_enter(plan.field)):
            raise PlanError(plan.where, _("{field!r} is set by crmkit"), field=plan.field)
        source = plan.source
        if isinstance(source, Lookup):
            return BoundField(plan, info, _nothing, lookup=self._lookup(plan, info, source))
        if isinstance(info.type, AnyReference):
            raise PlanError(plan.where, _("a reference to any record needs external_id or find, and entity"))

        kind = self._stages() if plan.field == "stage" and self._entity.pipelined else info.type

        def read(formats: Formats) -> Converter:
            # Where nobody says otherwise, amounts are in the company's currency.
            return converter(kind, attrs.evolve(formats, currency=formats.currency or self._currency))

        constant = source.default if isinstance(source, ColumnValue) else None
        constant = source.value if isinstance(source, Constant) else constant
        if constant is not None:
            constant = self._constant(plan, read, constant)
        return BoundField(plan, info, read, constant)

    def _stages(self) -> Choice:
        """Return the stages as a choice, so that a file may name them by slug or by label."""
        pipelines = self._registry.pipelines_of(self._entity.id)
        labels = {stage.slug: stage.label for pipeline in pipelines for stage in pipeline.stages}
        return Choice([Option(slug, label) for slug, label in labels.items()])

    def _may_enter(self, field: str) -> bool:
        """Return whether *field* is when a record entered its stage, and the principal may say when that was."""
        return field == ENTERED and self._entity.pipelined and may_tell_history(self._access)

    def _constant(self, plan: FieldPlan, read: Callable[[Formats], Converter], value: Any) -> Any:
        formats = plan.source.formats if isinstance(plan.source, ColumnValue) else self._step.file.formats
        try:
            return read(formats)(value)
        except Refused as refused:
            raise PlanError(plan.where, _("{reason}"), reason=refused.message.format_map(refused.facts)) from None

    def _lookup(self, plan: FieldPlan, info: FieldInfo, source: Lookup) -> BoundLookup:
        kind = info.type
        if isinstance(kind, Reference):
            entity = source.entity or kind.entity
            if entity != kind.entity:
                raise PlanError(plan.where, _("{field!r} refers to {entity}"), field=plan.field, entity=kind.entity)
        elif isinstance(kind, AnyReference):
            if source.entity is None:
                raise PlanError(plan.where, _("needs entity, because {field!r} refers to any"), field=plan.field)
            entity = source.entity
        else:
            raise PlanError(plan.where, _("{field!r} is no reference"), field=plan.field)
        target = self._find_entity(entity, plan.where)
        return BoundLookup(target, source, self._searched(plan, target, source), isinstance(kind, AnyReference))

    def _searched(self, plan: FieldPlan, target: EntityInfo, source: Lookup) -> Converter | None:
        if source.by is None:
            return None
        readable = self._access.entity(target).readable & set(target.fields)
        if source.by not in readable:
            _refuse(plan.where, _("{entity} has no field {given!r}"), source.by, sorted(readable), entity=target.id)
        kind = target.fields[source.by].type
        read = converter(kind, self._step.file.formats)
        return lambda cell: kind.normalise(read(cell))

    def _own(self) -> list[FieldInfo]:
        """Return the fields of new records that are not set by crmkit, those made at run time included."""
        entity = self._entity
        return [f for f in (*entity.fields.values(), *entity.custom.values()) if f.init and not f.is_system]

    def _check_required(self, given: set[str]) -> None:
        if self._step.on_new != "create":
            return
        missing = [
            field.name
            for field in self._own()
            if not field.nullable and not field.has_default and field.name not in given
        ]
        if missing:
            raise PlanError(
                self._step.where,
                _("new records of {entity} need {fields}; give them a source in fields"),
                entity=self._entity.id,
                fields=", ".join(missing),
            )


def _nothing(_formats: Formats) -> Converter:
    raise AssertionError("a look-up reads no cell")


def _refuse(where: str, message: Text, given: str, accepted: Sequence[str], **facts: Any) -> NoReturn:
    close = get_close_matches(given, accepted, n=1)
    hint = _("did you mean {close!r}?") if close else _("accepted: {accepted}")
    raise PlanError(
        where,
        _("{what}; {hint}"),
        what=message.format(given=given, **facts),
        hint=hint.format(close=close[0] if close else "", accepted=", ".join(accepted)),
    )
