"""Calling verbs by their ids, with values of JSON; and what they answer as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import attrs

from crmkit.core.entity import Record
from crmkit.core.errors import CrmkitError
from crmkit.core.fields import Target
from crmkit.core.money import Money
from crmkit.core.policy.existing import exists_for
from crmkit.core.representing.plain import plain
from crmkit.core.representing.records import represent
from crmkit.core.text import Text, gettext as _
from crmkit.core.verbs.declaring import Verb
from crmkit.core.verbs.types import read_arguments

if TYPE_CHECKING:
    from crmkit.core.policy.access import Access
    from crmkit.core.reading.reader import Reader

__all__ = ["NoVerbError", "call_verb", "find_verb", "verbs_for"]

# What JSON has a form of its own for.
_VALUES = (Money, Target, Text)


class NoVerbError(CrmkitError):
    """There is no such verb for this principal: no plugin declares it, or it is about what does not exist for them."""

    code = "no-verb"
    template = _("There is no verb {verb!r}.")

    def __init__(self, verb: str) -> None:
        """Name the *verb*."""
        super().__init__(verb=verb)


def verbs_for(access: Access) -> list[Verb]:
    """Return the verbs that exist for *access*, in the order of their ids."""
    return [verb for _id, verb in sorted(access.registry.verbs.items()) if _exists_for(access, verb)]


def find_verb(access: Access, id: str) -> Verb:
    """Return the verb with this *id*.

    Raises:
        NoVerbError: there is none for *access*.
    """
    verb = access.registry.verbs.get(id)
    if verb is None or not _exists_for(access, verb):
        raise NoVerbError(id)
    return verb


def _exists_for(access: Access, verb: Verb) -> bool:
    return exists_for(access, access.registry.entities[verb.entity])


def call_verb(db: Reader, id: str, arguments: Mapping[str, Any] | None = None) -> Any:
    """Have the verb with this *id* done with *arguments*, an object of JSON, and return its answer as JSON has it.

    *db* is a writer where the verb writes. All of it is done, or nothing.

    Raises:
        NoVerbError: there is none for the principal of *db*.
        ValidationError: an argument is missing, unknown or not accepted.
        CrmkitError: what the verb itself refuses.
    """
    verb = find_verb(db.access, id)
    values = read_arguments(db, verb, {} if arguments is None else arguments)
    if not verb.writes:
        return _told(db, verb.function(db, **values))
    with db.attempt():  # type: ignore[attr-defined]
        return _told(db, verb.function(db, **values))


def _told(db: Reader, value: Any) -> Any:
    """Return *value* as JSON: records as far as the principal of *db* may read them."""
    if isinstance(value, Record):
        return represent(db, [value])[0]
    if isinstance(value, timedelta):
        return int(value.total_seconds())
    if isinstance(value, Mapping):
        return {str(name): _told(db, each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return _told_list(db, value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: _told(db, getattr(value, each.name)) for each in dataclasses.fields(value)}
    if attrs.has(type(value)) and not isinstance(value, _VALUES):
        return {each.name: _told(db, getattr(value, each.name)) for each in attrs.fields(type(value))}
    return plain(value)


def _told_list(db: Reader, values: Sequence[Any]) -> list[Any]:
    if values and all(isinstance(each, Record) for each in values):
        return represent(db, values)
    return [_told(db, each) for each in values]
