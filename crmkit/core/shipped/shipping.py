"""How plugins ship records, and how a plugin says which records of its own others may ship."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import attrs

from crmkit.core.errors import DeclarationError
from crmkit.core.text import gettext as _

__all__ = ["Shipped", "ShippedKind"]

_ID = re.compile(r"[a-z][a-z0-9_]{0,30}\.[a-z][a-z0-9_]{0,48}\Z")


def _check_id(_instance: Any, _attribute: Any, id_: str) -> None:
    if not _ID.match(id_):
        raise DeclarationError(id_, _("the id of what is shipped is <plugin>.<name> in lower case"))


@attrs.frozen
class Shipped:
    """One record that a plugin ships, of a *kind* that another plugin may keep: ``workspace.view``.

    *values* are those of the fields of the kind, as JSON has them; texts that are marked for translation are written
    in the company's language. Where no enabled plugin keeps the kind, nothing is shipped.
    """

    id: str = attrs.field(validator=_check_id)
    kind: str
    values: Mapping[str, Any]


def _names(given: Sequence[str]) -> Sequence[str]:
    return tuple(given)


@attrs.frozen
class ShippedKind:
    """Records of the entity *id* may be shipped by any plugin, and are edited here as all records are.

    *fields* are what is shipped of a record; *defaults* are what they are where a plugin says nothing. A field of
    *words*, text with spaces between words, is merged word by word, every other one as a whole.
    """

    id: str
    fields: Sequence[str] = attrs.field(converter=_names)
    defaults: Mapping[str, Any] = MappingProxyType({})
    words: Sequence[str] = attrs.field(converter=_names, default=())
