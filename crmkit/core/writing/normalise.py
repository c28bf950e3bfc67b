"""Step one of a write: every value cleaned by its field type, protected and hidden fields refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from crmkit.core.entity import FieldInfo, is_custom
from crmkit.core.errors import FieldProblem, UnknownFieldError, ValidationError
from crmkit.core.fields import MoneyType, Refused
from crmkit.core.policy.access import EntityAccess
from crmkit.core.rates import Rates
from crmkit.core.registry import Registry
from crmkit.core.text import Text, gettext as _
from crmkit.core.writing.changes import Write
from crmkit.core.writing.shapes import is_given_by_crmkit, shape_of

__all__ = ["Normaliser"]


class Normaliser:
    """Cleans the writes of one transaction."""

    def __init__(self, registry: Registry, rates: Rates, today: date) -> None:
        """Convert money at the *rates* of *today*."""
        self._registry, self._rates, self._today = registry, rates, today

    def check_asked(self, writes: Sequence[Write], access: EntityAccess) -> None:
        """Refuse what the caller of *writes*, all of one kind and entity, may not set.

        Raises:
            UnknownFieldError: a field does not exist, or is hidden.
            ValidationError: a field is read-only, set by crmkit, or changed only by another verb.
        """
        if writes[0].kind == "create":
            # Only fields that the caller may not write need a look: the others are settable by construction.
            settable = shape_of(writes[0].entity).settable
            locked = [f for f in settable if f.name not in access.writable]
            for write in writes:
                asked = [f.name for f in locked if write.values[f.name] != f.default()]
                if write.entity.custom or len(write.values) > len(settable):
                    asked += self._asked_custom(write)
                self._check_names(write, asked, access)
            return
        for write in writes:
            self._check_names(write, list(write.values), access)

    def _asked_custom(self, write: Write) -> list[str]:
        """Return the custom fields for which the caller gave more than their defaults."""
        custom = write.entity.custom
        return [n for n, v in write.values.items() if is_custom(n) and not (n in custom and v == custom[n].default())]

    def _check_names(self, write: Write, names: Sequence[str], access: EntityAccess) -> None:
        problems, moved = [], shape_of(write.entity).moved
        for name in names:
            field = self._registry.field(write.entity.id, name)
            if name not in access.readable:
                raise UnknownFieldError(write.entity.id, name)
            if (reason := self._refusal(write, name, field, access)) is not None:
                problems.append(FieldProblem(name, reason, "read-only", verb=moved.get(name, "")))
        if problems:
            raise ValidationError(write.entity.id, problems)

    def _refusal(self, write: Write, name: str, field: FieldInfo, access: EntityAccess) -> Text | None:
        if is_given_by_crmkit(field):
            return _("is set by crmkit")
        if write.kind == "update" and name in shape_of(write.entity).moved:
            return _("is changed only by {verb}")
        return None if name in access.writable else _("is read-only for you")

    def clean(self, write: Write) -> list[FieldProblem]:
        """Clean the values of *write* in place and return what was wrong with them.

        Money gets its base value beside it; an update forgets values that change nothing.
        """
        problems: list[FieldProblem] = []
        fields = self._registry.fields(write.entity.id)
        values = write.values
        for name in list(values):
            value = values[name]
            field = fields.get(name)
            # What is no field is the base value of money, set by an earlier round.
            if value is None or field is None:
                continue
            try:
                values[name] = cleaned = field.type.normalise(value)
            except Refused as refused:
                problems.append(FieldProblem(name, refused.message, **refused.facts))
                continue
            if isinstance(field.type, MoneyType) and cleaned is not None:
                self._add_base(values, name, problems)
        if write.kind == "update" and not problems:
            _forget_unchanged(values, write.stored, fields)
        return problems

    def _add_base(self, values: dict[str, Any], name: str, problems: list[FieldProblem]) -> None:
        base = self._rates.base_minor(values[name], self._today)
        if base is None:
            message = _("there is no exchange rate for {currency}; add a core.exchange_rate")
            problems.append(FieldProblem(name, message, "no-rate", currency=values[name].currency))
        else:
            values[f"{name}_base"] = base


def _forget_unchanged(values: dict[str, Any], stored: Mapping[str, Any], fields: Mapping[str, FieldInfo]) -> None:
    for name in [n for n in values if n in fields and values[n] == stored.get(n, _UNSTORED)]:
        del values[name]
        values.pop(f"{name}_base", None)


_UNSTORED = object()
