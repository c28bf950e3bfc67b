"""What kind of value stands in a rule, and what may be done with it."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from crmkit.core import fields
from crmkit.core.text import Text, gettext as _

__all__ = ["BOOLEAN", "DATE", "DATETIME", "NULL", "TEXT", "Kind", "identity", "kind_of", "number", "sealed"]

_EQUAL = frozenset(["==", "!=", "in"])
_ORDERED = _EQUAL | {"<", "<=", ">", ">="}
_TEXT = _ORDERED | {"contains", "startsWith", "endsWith", "lower", "size"}
_LABELS: Mapping[str, Text] = {
    "text": _("text"),
    "slugs": _("several choices"),
    "number": _("a number"),
    "boolean": _("true or false"),
    "date": _("a date"),
    "datetime": _("a moment"),
    "id": _("a reference"),
    "target": _("a record of any entity"),
    "null": _("null"),
    "json": _("JSON"),
    "sealed": _("an encrypted value"),
}
_EXAMPLES: Mapping[str, Text] = {
    "text": _('text in quotes: "Berlin"'),
    "slugs": _('a list of slugs: ["a", "b"]'),
    "number": _("a number: 12.50"),
    "boolean": _("true or false"),
    "date": _('date("2026-01-31") or today()'),
    "datetime": _('datetime("2026-01-31T09:00:00+00:00") or now()'),
    "id": _("an id in quotes, me() or my_team()"),
    "target": _("null; or compare its .entity and its .id"),
}


@attrs.frozen
class Kind:
    """The kind of a value. *slugs* are those of a choice, *entity* is what an id points at.

    Of an encrypted value *plain* is the kind of what it holds.
    """

    name: str
    operators: frozenset[str] = _EQUAL
    scale: int = 0
    is_money: bool = False
    slugs: tuple[str, ...] | None = None
    entity: str | None = None
    plain: Kind | None = None

    @property
    def label(self) -> Text:
        """What people call it."""
        return _("one of its choices") if self.slugs and self.name == "text" else _LABELS[self.name]

    @property
    def example(self) -> Text:
        """What can be written where such a value is expected."""
        return _EXAMPLES.get(self.name, Text(""))

    def fits(self, other: Kind) -> bool:
        """Return whether values of both kinds can be equal."""
        if self.name != other.name:
            return False
        return None in (self.entity, other.entity) or self.entity == other.entity


NULL = Kind("null")
TEXT = Kind("text", _TEXT)
BOOLEAN = Kind("boolean")
DATE = Kind("date", _ORDERED)
DATETIME = Kind("datetime", _ORDERED)
_OF_COLUMN: Mapping[str, Kind] = {
    "text": TEXT,
    "integer": Kind("number", _ORDERED),
    "scaled": Kind("number", _ORDERED),
    "boolean": BOOLEAN,
    "date": DATE,
    "datetime": DATETIME,
    "uuid": Kind("id"),
    "json": Kind("json", frozenset()),
}


def number(scale: int = 0, *, is_money: bool = False) -> Kind:
    """Return the kind of numbers with *scale* digits after the point."""
    return Kind("number", _ORDERED, scale=scale, is_money=is_money)


def identity(entity: str | None = None) -> Kind:
    """Return the kind of ids that point at *entity*."""
    return Kind("id", entity=entity)


def sealed(plain: Kind, *, is_indexed: bool) -> Kind:
    """Return the kind of values of the kind *plain* that are encrypted; equality is known of those in a blind index."""
    return Kind("sealed", _EQUAL & plain.operators if is_indexed else frozenset(), scale=plain.scale, plain=plain)


def kind_of(type: fields.FieldType, base_digits: int) -> Kind:
    """Return the kind of values that a field of *type* has in rules; *base_digits* are those of the company's currency.

    A field type of a plugin is treated by the column that keeps it, within the operators that it declares.
    """
    if isinstance(type, fields.MoneyType):
        return number(base_digits, is_money=True)
    if isinstance(type, fields.MultiChoice):
        return Kind("slugs", frozenset(["==", "!=", "contains", "size"]), slugs=type.slugs)
    if isinstance(type, fields.AnyReference):
        return Kind("target", frozenset(["==", "!="]))
    column = type.columns()[-1]
    plain = _OF_COLUMN[column.kind]
    slugs = type.slugs if isinstance(type, fields.Choice) else None
    entity = type.entity if isinstance(type, fields.Reference) else None
    return Kind(plain.name, _allowed(type, plain), scale=column.scale, slugs=slugs, entity=entity)


def _allowed(type: fields.FieldType, plain: Kind) -> frozenset[str]:
    # lower() and size() read no database differently than contains() does: who may search may fold.
    extra = {"lower", "size"} if "contains" in type.operators else set()
    return plain.operators & {*type.operators, *extra}
