"""A table of a plan that knows its place, so that every mistake in it is named with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

import attrs

from crmkit.core.text import Text, gettext as _
from crmkit.transfer.errors import PlanError
from crmkit.transfer.template import Template

__all__ = ["Table", "refuse_unknown"]

_KINDS = {str: _("a text"), int: _("a whole number"), dict: _("a table"), list: _("a list")}
_CHOICES = {
    "on_new": ("create", "skip", "refuse"),
    "on_existing": ("update", "skip", "refuse"),
    "on_deleted": ("refuse", "restore", "skip"),
    "duplicates": ("ignore", "report", "refuse"),
    "on_missing": ("refuse", "empty"),
}


@attrs.frozen
class Table:
    """A table of the plan and its place, so that what is wrong in it can be named."""

    values: Mapping[str, Any]
    where: str

    def refuse(self, message: Text, key: str = "", **facts: Any) -> NoReturn:
        """Raise the error about *key*."""
        raise PlanError(self.place(key), message, **facts)

    def place(self, key: str) -> str:
        """Return where *key* stands: ``plan.toml, step 2 (deals).fields.name``."""
        if not key:
            return self.where
        return f"{self.where}.{key}" if "," in self.where else f"{self.where}, {key}"

    def known(self, accepted: Sequence[str]) -> Table:
        """Refuse keys that are not among *accepted*."""
        for key in self.values:
            if key not in accepted:
                refuse_unknown(self.where, key, accepted)
        return self

    def get(self, key: str, kind: type[Any], default: Any = None) -> Any:
        """Return the value of *key*, which must be a *kind*."""
        value = self.values.get(key, default)
        if value is not default and (type(value) is not kind):
            self.refuse(_("expected {kind}, got {value!r}"), key, kind=_KINDS[kind], value=value)
        return value

    def need(self, key: str, kind: type[Any]) -> Any:
        """Return the value of *key*, which must be there."""
        if key not in self.values:
            self.refuse(_("is missing"), key)
        return self.get(key, kind)

    def table(self, key: str) -> Table:
        """Return the table under *key*; an empty one if there is none."""
        return Table(self.get(key, dict, {}), self.place(key))

    def names(self, key: str) -> tuple[str, ...]:
        """Return a text or a list of texts."""
        value = self.values.get(key, [])
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
            self.refuse(_("expected a text or a list of texts, got {value!r}"), key, value=value)
        return tuple(listed)

    def choice(self, key: str) -> Any:
        """Return one of the words that *key* accepts; the first is the default."""
        accepted = _CHOICES[key]
        value = self.get(key, str, accepted[0])
        if value not in accepted:
            self.refuse(_("one of {accepted}, got {value!r}"), key, accepted=", ".join(accepted), value=value)
        return value

    def template(self, key: str) -> Template:
        """Return the text under *key*, which must be there, with its columns."""
        return Template.parse(self.need(key, str), self.place(key))


def refuse_unknown(where: str, key: str, accepted: Sequence[str]) -> NoReturn:
    """Raise the error about an unknown *key*, with the closest of *accepted*."""
    close = get_close_matches(key, accepted, n=1)
    if close:
        raise PlanError(where, _("unknown key {key!r}; did you mean {close!r}?"), key=key, close=close[0])
    raise PlanError(where, _("unknown key {key!r}; accepted: {accepted}"), key=key, accepted=", ".join(accepted))
