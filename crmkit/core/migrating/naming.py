"""Calling one field anew, wherever its name may stand: alone, in lists of names, in rules, in templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from crmkit.core.automating.templates import renamed_in_template
from crmkit.core.migrating.rule_names import renamed_in_rule
from crmkit.core.registry import Registry

__all__ = ["Renaming"]


@attrs.frozen
class Renaming:
    """The field *old* of *entity* is called *new*; what does not name it is returned as it is."""

    registry: Registry
    entity: str
    old: str
    new: str

    def name(self, entity: str, name: Any) -> Any:
        """Return what the field *name* of *entity* is called."""
        return self.new if (entity, name) == (self.entity, self.old) else name

    def names(self, entity: str, names: Sequence[Any]) -> list[Any]:
        """Return what the fields *names* of *entity* are called."""
        return [self.name(entity, name) for name in names]

    def words(self, entity: str, text: str) -> str:
        """Return *text* of names with spaces between them, each perhaps with ``-`` before it, as they are called."""
        words = [(word[: word.startswith("-")], word.removeprefix("-")) for word in text.split()]
        renamed = " ".join(sign + self.name(entity, word) for sign, word in words)
        return renamed if any(entity == self.entity and word == self.old for _sign, word in words) else text

    def keys(self, entity: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return *values* by field of *entity*, by what the fields are called."""
        return {self.name(entity, key): value for key, value in values.items()}

    def rule(self, entity: str, text: Any) -> Any:
        """Return the rule or the expression *text* on *entity*, with relations followed."""
        if not isinstance(text, str):
            return text
        return renamed_in_rule(self.registry, text, entity, (self.entity, self.old, self.new))

    def value(self, entity: str, given: Any) -> Any:
        """Return a value that an automation gives: a constant, an expression, or a template in any language."""
        if not isinstance(given, Mapping):
            return given
        if given.keys() == {"expression"}:
            return {"expression": self.rule(entity, given["expression"])}
        if given.keys() == {"template"}:
            return {"template": self._template(entity, given["template"])}
        return given

    def _template(self, entity: str, given: Any) -> Any:
        if isinstance(given, Mapping):
            return {locale: self._template(entity, text) for locale, text in given.items()}
        return renamed_in_template(given, lambda text: self.rule(entity, text)) if isinstance(given, str) else given
