"""Records of any entity, with believable values in every field that must have one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any, TypeVar
from uuid import UUID

from crmkit.core import fields
from crmkit.core.crm import CRM
from crmkit.core.entity import EntityInfo, FieldInfo, Record, is_custom
from crmkit.core.fields import FieldType, Target
from crmkit.core.ids import new_id
from crmkit.core.money import Money
from crmkit.core.writing.writer import Writer

__all__ = ["Factory"]

R = TypeVar("R", bound=Record)
Maker = Callable[["Factory", FieldInfo, int], Any]
_REASON = "test"


class Factory:
    """Makes records for one CRM; everything is written as the system does.

    Values are told apart by a counter, so that what must be unique is. A reference that must not be empty gets a
    record of its own. A plugin with a field type of its own gives :attr:`makers` one more entry.
    """

    def __init__(self, crm: CRM) -> None:
        """Make records for *crm*."""
        self._crm = crm
        self._count = count(1)
        #: What makes a value, by field type; the first of the type's own bases that is here decides.
        self.makers: dict[type[FieldType], Maker] = dict(_MAKERS)

    def make(self, entity: type[R], values: Mapping[str, Any] | None = None, /, **more: Any) -> R:
        """Return a stored record of *entity*, with the values given and others where the entity demands them.

        Fields that other plugins have added are named ``plugin.field`` and given in *values*, those made at run time
        ``custom.key``; those that are required are filled too.

        Raises:
            ValidationError: a value that was given is refused.
        """
        with self._crm.system(_REASON) as db:
            return self._make(db, entity, {**(values or {}), **more})

    def make_many(self, number: int, entity: type[R], **values: Any) -> list[R]:
        """Return *number* stored records of *entity*."""
        with self._crm.system(_REASON) as db:
            return [self._make(db, entity, values) for _ in range(number)]

    def build(self, entity: type[R], **values: Any) -> R:
        """Return a record of *entity* that is not stored; what it must refer to is."""
        with self._crm.system(_REASON) as db:
            return entity(**self._filled(db, self._crm.registry.entity(entity), values))

    def _make(self, db: Writer, entity: type[R], values: Mapping[str, Any]) -> R:
        info = self._crm.registry.entity(entity)
        own = {name: value for name, value in values.items() if "." not in name}
        custom = {name: value for name, value in values.items() if is_custom(name)}
        stored = db.create(entity(**self._filled(db, info, own), custom=self._customised(db, info, custom)))
        extended = self._extended(db, info, values)
        return db.update(stored, extended) if extended else stored

    def _filled(self, db: Writer, info: EntityInfo, values: Mapping[str, Any]) -> dict[str, Any]:
        lacking = [field for name, field in info.fields.items() if name not in values and _is_required(field)]
        return {**{field.name: self._value(db, field) for field in lacking}, **values}

    def _customised(self, db: Writer, info: EntityInfo, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of fields made at run time, by key: those given, and others where one is required."""
        lacking = (field for name, field in info.custom.items() if name not in values and _is_required(field))
        found = {**{field.name: self._value(db, field) for field in lacking}, **values}
        return {name.partition(".")[2]: value for name, value in found.items()}

    def _extended(self, db: Writer, info: EntityInfo, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of extensions by ``plugin.field``."""
        found = {name: value for name, value in values.items() if "." in name and not is_custom(name)}
        for plugin, extension in self._crm.registry.extensions.get(info.id, {}).items():
            for field in extension.fields.values():
                if _is_required(field) and f"{plugin}.{field.name}" not in found:
                    found[f"{plugin}.{field.name}"] = self._value(db, field)
        return found

    def _value(self, db: Writer, field: FieldInfo) -> Any:
        number = next(self._count)
        if isinstance(field.type, fields.Reference):
            return self._make(db, self._crm.registry.entity(field.type.entity).cls, {}).id
        if isinstance(field.type, fields.AnyReference):
            return self._any_target(db, field.type)
        for kind in type(field.type).__mro__:
            if kind in self.makers:
                return self.makers[kind](self, field, number)
        raise LookupError(f"{field.entity}.{field.name}: add a maker for {type(field.type).__name__} to factory.makers")

    def _any_target(self, db: Writer, kind: fields.AnyReference) -> Target:
        """Return a record that needs no other, where there is one."""
        targets = list(self._crm.registry.targets(kind))
        easiest = min(targets, key=lambda info: sum(_is_required(field) for field in info.fields.values()))
        return Target(easiest.id, self._make(db, easiest.cls, {}).id)

    @property
    def currency(self) -> str:
        """The company's currency."""
        return self._crm.registry.currency

    def now(self) -> Any:
        """Return what time it is for the CRM."""
        return self._crm.clock.now()


def _is_required(field: FieldInfo) -> bool:
    return field.init and not (field.nullable or field.has_default or field.is_system)


def _text(_factory: Factory, field: FieldInfo, number: int) -> str:
    limit = getattr(field.type, "max", 500)
    return f"{field.name.replace('_', ' ').capitalize()} {number}"[-limit:]


def _url(_factory: Factory, _field: FieldInfo, number: int) -> str:
    return f"https://example.org/{number}"


def _email(_factory: Factory, _field: FieldInfo, number: int) -> str:
    return f"person{number}@example.org"


def _phone(_factory: Factory, _field: FieldInfo, number: int) -> str:
    return f"+4930{number % 10**7:07}"


def _integer(_factory: Factory, field: FieldInfo, number: int) -> int:
    kind = field.type
    assert isinstance(kind, fields.Integer)
    return max(kind.min, min(kind.max, number))


def _decimal(_factory: Factory, field: FieldInfo, number: int) -> Decimal:
    kind = field.type
    assert isinstance(kind, fields.Decimals)
    low = Decimal(number) if kind.min is None else max(kind.min, Decimal(number))
    return low if kind.max is None else min(kind.max, low)


def _money(factory: Factory, _field: FieldInfo, number: int) -> Money:
    return Money.of(number, factory.currency)


def _first_choice(_factory: Factory, field: FieldInfo, _number: int) -> str:
    assert isinstance(field.type, fields.Choice)
    return field.type.slugs[0]


def _some_choices(_factory: Factory, field: FieldInfo, _number: int) -> tuple[str, ...]:
    assert isinstance(field.type, fields.Choice)
    return field.type.slugs[:1]


def _id(_factory: Factory, _field: FieldInfo, _number: int) -> UUID:
    return new_id()


_MAKERS: dict[type[FieldType], Maker] = {
    fields.Text: _text,
    fields.Url: _url,
    fields.Email: _email,
    fields.Phone: _phone,
    fields.Integer: _integer,
    fields.Decimals: _decimal,
    fields.MoneyType: _money,
    fields.Boolean: lambda _factory, _field, _number: False,
    fields.Date: lambda factory, _field, number: factory.now().date() + timedelta(days=number % 28),
    fields.DateTime: lambda factory, _field, number: factory.now() + timedelta(minutes=number),
    fields.Choice: _first_choice,
    fields.MultiChoice: _some_choices,
    fields.Json: lambda _factory, _field, number: {"number": number},
    fields.File: _id,
}
