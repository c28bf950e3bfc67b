"""From ``company.city`` to the field that it names, for one principal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from crmkit.core.entity import EntityInfo, FieldInfo
from crmkit.core.errors import UnknownFieldError
from crmkit.core.fields import AnyReference, FieldType, MoneyType
from crmkit.core.money import Money, minor_digits
from crmkit.core.rules import ast, plan
from crmkit.core.rules.errors import RuleError, UnknownRuleFieldError
from crmkit.core.rules.kinds import TEXT, Kind, identity, kind_of, sealed
from crmkit.core.rules.numbers import to_raw
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.entity import computed
    from crmkit.core.rules.rule import Rule

__all__ = ["Namespace", "Paths", "default_of", "stored"]


class Namespace(Protocol):
    """The fields of one entity as they exist for one principal.

    A field that is hidden raises what a field raises that does not exist.
    """

    @property
    def entity(self) -> EntityInfo:
        """The entity."""
        ...

    @property
    def base_currency(self) -> str:
        """The currency in which bare money is compared."""
        ...

    def field(self, name: str) -> FieldInfo | computed[Any]:
        """Return the field *name*.

        Raises:
            UnknownFieldError: there is none for this principal.
        """
        ...

    def related(self, relation: str) -> Namespace:
        """Return the fields of the records behind the reference ``<relation>_id``.

        Raises:
            UnknownFieldError: there is no such reference for this principal.
        """
        ...

    def extension(self, plugin: str) -> Namespace:
        """Return the fields that *plugin* adds.

        Raises:
            UnknownFieldError: it adds none.
        """
        ...

    def overdue(self) -> Rule | None:
        """Return the rule that ``overdue()`` stands for; ``None`` if records of the entity stand in no pipeline."""
        ...


class Paths:
    """Finds fields, and keeps which were named."""

    def __init__(self, namespace: Namespace) -> None:
        """Start at *namespace*."""
        self.namespace = namespace
        self.base_currency = namespace.base_currency
        self.digits = minor_digits(self.base_currency)
        self.fields: set[tuple[str, str]] = set()
        self.relations: set[tuple[str, str]] = set()

    def resolve(self, path: ast.Path) -> plan.Field:
        """Return the field that *path* names.

        Raises:
            UnknownRuleFieldError: a part of it does not exist for this principal.
            RuleError: it ends at a relation, or goes on behind a plain field.
        """
        namespace, steps = self.namespace, list[plan.Step]()
        last = len(path.parts) - 1
        for index in range(last):
            if index == last - 1 and (target := self._target_part(namespace, steps, path)):
                return target
            if path.parts[index] == "custom" and not _prefix(steps):
                return self._custom(namespace, path, index, steps)
            step, namespace = self._step(namespace, path, index, _prefix(steps))
            steps.append(step)
        return self._field(namespace, self._last(namespace, path), steps)

    def _field(self, namespace: Namespace, info: FieldInfo | computed[Any], steps: list[plan.Step]) -> plan.Field:
        self.fields.add((namespace.entity.id, _prefix(steps) + info.name))
        columns = info.columns() if isinstance(info, FieldInfo) else info.type.columns()
        column = info.name + ("_base" if isinstance(info.type, MoneyType) else columns[-1].suffix)
        if (slot := getattr(info, "slot", None)) is not None:
            column = f"custom.{slot}"
        kind = kind_of(info.type, self.digits)
        if isinstance(info, FieldInfo) and info.encrypted:
            kind = sealed(kind, is_indexed=info.blind_index)
        of_extension = bool(steps) and isinstance(steps[-1], plan.Extension)
        missing = self._missing(namespace.entity, info, kind) if of_extension else None
        is_computed = not hasattr(info, "has_default")
        credential = isinstance(info, FieldInfo) and info.credential
        return plan.Field(kind, tuple(steps), info.name, column, info.type, is_computed, missing, credential)

    def _custom(self, namespace: Namespace, path: ast.Path, index: int, steps: list[plan.Step]) -> plan.Field:
        """Return the field made at run time that stands behind the part *index*, or what it refers to has."""
        name, at = f"custom.{path.parts[index + 1]}", path.place(index)
        if index == len(path.parts) - 2:
            found: FieldInfo | computed[Any] | None = _known(namespace.field, name)
            if found is None:
                raise UnknownRuleFieldError(UnknownFieldError(namespace.entity.id, name[:80]), at)
            return self._field(namespace, found, steps)
        below = _known(namespace.related, name)
        field: FieldInfo | None = None if below is None else _known(namespace.field, f"{name}_id")
        if field is None:
            raise UnknownRuleFieldError(UnknownFieldError(namespace.entity.id, name[:80]), at)
        self.relations.add((namespace.entity.id, name))
        self.fields.add((namespace.entity.id, field.name))
        step = plan.Relation(f"custom.{field.slot}", name, below.entity.id)
        rest = ast.Path(path.parts[index + 2 :], path.places[index + 2 :], at=path.at)
        behind = Paths(below)
        behind.fields, behind.relations = self.fields, self.relations
        inner = behind.resolve(rest)
        return attrs.evolve(inner, steps=(*steps, step, *inner.steps))

    def _step(self, namespace: Namespace, path: ast.Path, index: int, prefix: str) -> tuple[plan.Step, Namespace]:
        part, entity = path.parts[index], namespace.entity.id
        if (below := _known(namespace.related, part)) is not None:
            self.relations.add((entity, prefix + part))
            self.fields.add((entity, f"{prefix}{part}_id"))
            return plan.Relation(f"{part}_id", part, below.entity.id), below
        if (added := _known(namespace.extension, part)) is not None:
            return plan.Extension(part), added
        if (field := _known(namespace.field, part)) is not None:
            label = kind_of(field.type, self.digits).label
            raise RuleError(_("{part!r} is {label} and has no fields."), path.place(index + 1), part=part, label=label)
        raise UnknownRuleFieldError(UnknownFieldError(entity, part[:80]), path.place(index))

    def _last(self, namespace: Namespace, path: ast.Path) -> FieldInfo | computed[Any]:
        part, at = path.parts[-1], path.place(len(path.parts) - 1)
        found: FieldInfo | computed[Any] | None = _known(namespace.field, part)
        if found is not None:
            return found
        if _known(namespace.related, part) is not None:
            accepted = _("Name one of its fields, or {part}_id.")
            raise RuleError(_("{part!r} is a relation and no value."), at, accepted, part=part)
        raise UnknownRuleFieldError(UnknownFieldError(namespace.entity.id, part[:80]), at)

    def _target_part(self, namespace: Namespace, steps: list[plan.Step], path: ast.Path) -> plan.Field | None:
        """Return ``entity`` or ``id`` of an any-reference, if *path* ends so."""
        name, part = path.parts[-2:]
        field = _known(namespace.field, name) if part in ("entity", "id") else None
        if field is None or not isinstance(field.type, AnyReference):
            return None
        self.fields.add((namespace.entity.id, _prefix(steps) + name))
        kind: Kind = TEXT if part == "entity" else identity()
        return plan.Field(kind, tuple(steps), name, f"{name}_{part}", field.type)

    def _missing(self, extension: EntityInfo, info: Any, kind: Kind) -> Any:
        """Return what *info* is where *extension* has no row."""
        return stored(default_of(extension, info), info.type, kind, self.base_currency)


def default_of(extension: EntityInfo, field: FieldInfo | computed[Any]) -> Any:
    """Return what *field* of an *extension* is where nothing was written; ``None`` if that cannot be worked out."""
    stored_field = extension.fields.get(field.name)
    if stored_field is not None:
        return stored_field.default()
    derived = extension.computed[field.name]
    try:
        return derived.in_memory(extension.cls(**{name: f.default() for name, f in extension.fields.items() if f.init}))
    except Exception:
        return None


def stored(value: Any, type: FieldType, kind: Kind, base_currency: str) -> Any:
    """Return *value* of a field as rules compare it: numbers as scaled integers, the rest as it is.

    Money of another currency than *base_currency* has no value of its own here: its base value comes from the write.
    """
    if value is None:
        return None
    if isinstance(value, Money):
        return value.minor if value.currency == base_currency else None
    if kind.name == "slugs":
        return tuple(value)
    plain = type.split(value)[-1]
    return to_raw(plain, kind.scale) if kind.name == "number" and not isinstance(plain, int) else plain


def _prefix(steps: list[plan.Step]) -> str:
    """Return what stands before a field's name where its entity lists it: the extension it belongs to."""
    return f"{steps[-1].plugin}." if steps and isinstance(steps[-1], plan.Extension) else ""


def _known(look_up: Callable[[str], Any], name: str) -> Any:
    try:
        return look_up(name)
    except UnknownFieldError:
        return None
