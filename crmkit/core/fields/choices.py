"""Slugs out of closed lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import attrs

from crmkit.core.fields.base import EQUALITY, Column, FieldType, Refused, shortened
from crmkit.core.text import Text as Sentence, gettext as _

__all__ = ["Choice", "MultiChoice", "Option"]


@attrs.frozen
class Option:
    """One value of a choice: a permanent slug and a label that may change."""

    slug: str
    label: Sentence


def _options(given: Sequence[Option | str]) -> tuple[Option, ...]:
    return tuple(o if isinstance(o, Option) else Option(o, Sentence(o.replace("_", " ").capitalize())) for o in given)


@attrs.frozen
class Choice(FieldType):
    """One slug out of a closed list: ``Choice(["low", "high"])`` or options with labels."""

    options: tuple[Option, ...] = attrs.field(converter=_options)
    name: ClassVar[str] = "choice"
    python: ClassVar[type[Any]] = str
    operators: ClassVar[Sequence[str]] = EQUALITY
    widget: ClassVar[str] = "select"

    @property
    def slugs(self) -> tuple[str, ...]:
        """The accepted values, in the order in which they were declared."""
        return tuple(option.slug for option in self.options)

    def columns(self) -> tuple[Column, ...]:
        """Return one text column."""
        return (Column("", "text", length=64),)

    def normalise(self, value: Any) -> str:
        """Return *value* if it is one of the slugs."""
        slug: str = FieldType.normalise(self, value)
        if slug not in self.slugs:
            raise Refused(_("one of {accepted}, got {value!r}"), accepted=", ".join(self.slugs), value=shortened(slug))
        return slug

    def json_schema(self) -> dict[str, Any]:
        """Return an enumeration of the slugs."""
        return {"type": "string", "enum": list(self.slugs)}


@attrs.frozen
class MultiChoice(Choice):
    """Any number of slugs out of a closed list, kept sorted and without repeats."""

    name: ClassVar[str] = "multi_choice"
    python: ClassVar[type[Any]] = tuple
    operators: ClassVar[Sequence[str]] = ("==", "!=", "contains")
    widget: ClassVar[str] = "multiselect"

    def columns(self) -> tuple[Column, ...]:
        """Return one text column that holds ``|a|b|``, so that one portable test finds a slug."""
        return (Column("", "text"),)

    def normalise(self, value: Any) -> Any:
        """Return the slugs sorted; anything that is no list, tuple or set of them is refused."""
        if isinstance(value, str) or not isinstance(value, (list, tuple, set, frozenset)):
            raise Refused(_("expected {expected}, got {value!r}"), expected="list", value=shortened(value))
        for slug in value:
            Choice(self.options).normalise(slug)
        return tuple(sorted(set(value)))

    def split(self, value: Any) -> tuple[Any, ...]:
        """Return ``|a|b|``; an empty choice is ``|``."""
        return (None if value is None else "|" + "".join(f"{slug}|" for slug in value),)

    def join(self, parts: Sequence[Any]) -> Any:
        """Return the tuple of slugs."""
        return None if parts[0] is None else tuple(slug for slug in parts[0].split("|") if slug)

    def json_schema(self) -> dict[str, Any]:
        """Return an array of unique slugs."""
        return {"type": "array", "items": super().json_schema(), "uniqueItems": True}
