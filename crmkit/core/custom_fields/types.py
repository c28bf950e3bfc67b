"""The types that a custom field may have, and what their options say."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from crmkit.core import fields
from crmkit.core.fields import FieldType, Option, Refused
from crmkit.core.fields.base import shortened
from crmkit.core.representing.plain import decimal_of
from crmkit.core.text import LabelledText, are_labels, gettext as _

__all__ = ["TYPES", "field_type"]

_MOST_CHOICES = 500
_CHOICE = ("slug", "label", "labels")
_SLUG = re.compile(r"(?!\s)[^|]{1,64}(?<!\s)\Z")


class _Options:
    """The options of one type; what is left over when it is made was none of its own."""

    def __init__(self, given: Any) -> None:
        if not isinstance(given, Mapping):
            raise Refused(_("expected {expected}, got {value!r}"), expected="a JSON object", value=shortened(given))
        self._left = dict(given)

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        value = self._left.pop(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            message = _("{name} is a whole number between {low} and {high}, got {value!r}")
            raise Refused(message, name=name, low=low, high=high, value=shortened(value))
        return value

    def bound(self, name: str) -> Decimal | None:
        value = self._left.pop(name, None)
        return None if value is None else decimal_of(value)

    def one_of(self, name: str, default: Any, accepted: tuple[str, ...]) -> Any:
        value = self._left.pop(name, default)
        if value not in accepted:
            message = _("{name} is one of {accepted}, got {value!r}")
            raise Refused(message, name=name, accepted=", ".join(accepted), value=shortened(value))
        return value

    def text(self, name: str) -> str:
        value = self._left.pop(name, None)
        if not isinstance(value, str) or not value:
            raise Refused(_("{name} must be given as text"), name=name)
        return value

    def choices(self) -> list[Option]:
        given = self._left.pop("choices", None)
        if not isinstance(given, list | tuple) or not 0 < len(given) <= _MOST_CHOICES:
            raise Refused(_("choices is a list of one to {most} slugs"), most=_MOST_CHOICES)
        found = [_option(each) for each in given]
        if len({option.slug for option in found}) != len(found):
            raise Refused(_("a slug occurs twice"))
        return found

    def done(self) -> None:
        if self._left:
            raise Refused(_("there is no option {name!r} for this type"), name=shortened(next(iter(self._left))))


def _option(given: Any) -> Option:
    facts: Any = {"slug": given} if isinstance(given, str) else given
    slug, label, labels = map(facts.get, _CHOICE) if isinstance(facts, Mapping) else (None,) * 3
    named = isinstance(label, str | None) and (labels is None or are_labels(labels))
    if not isinstance(slug, str) or not _SLUG.match(slug) or not slug.isprintable() or not named:
        raise Refused(_("{value!r} is no slug, nor an object of slug, label and labels"), value=shortened(given))
    return Option(slug, LabelledText(label or slug.replace("_", " ").capitalize(), labels or {}))


def _text(options: _Options) -> FieldType:
    return fields.Text(max=options.whole("max", 500, 1, 2_000))


def _long_text(options: _Options) -> FieldType:
    return fields.LongText(max=options.whole("max", 10_000, 1, 100_000))


def _integer(options: _Options) -> FieldType:
    low, high = -(2**63), 2**63 - 1
    return fields.Integer(min=options.whole("min", low, low, high), max=options.whole("max", high, low, high))


def _decimals(options: _Options) -> FieldType:
    return fields.Decimals(scale=options.whole("scale", 2, 0, 9), min=options.bound("min"), max=options.bound("max"))


def _reference(options: _Options) -> FieldType:
    return fields.Reference(
        options.text("entity"), on_delete=options.one_of("on_delete", "clear", ("clear", "restrict"))
    )


TYPES: Mapping[str, Callable[[_Options], FieldType]] = {
    "text": _text,
    "long_text": _long_text,
    "integer": _integer,
    "decimal": _decimals,
    "percent": lambda options: fields.Percent(scale=options.whole("scale", 2, 0, 9)),
    "boolean": lambda _options: fields.Boolean(),
    "date": lambda _options: fields.Date(),
    "datetime": lambda _options: fields.DateTime(),
    "choice": lambda options: fields.Choice(options.choices()),
    "multi_choice": lambda options: fields.MultiChoice(options.choices()),
    "url": lambda _options: fields.Url(),
    "email": lambda _options: fields.PlainEmail(),
    "phone": lambda _options: fields.Text(max=40),
    "reference": _reference,
}


def field_type(name: str, options: Any) -> FieldType:
    """Return the type *name* with its *options*: ``{"scale": 2}``, ``{"choices": ["a", "b"]}``, ``{"entity": …}``.

    Raises:
        Refused: there is no such type, or an option is not one of its own.
    """
    if name not in TYPES:
        raise Refused(_("one of {accepted}, got {value!r}"), accepted=", ".join(TYPES), value=shortened(name))
    given = _Options(options)
    made = TYPES[name](given)
    given.done()
    return made
