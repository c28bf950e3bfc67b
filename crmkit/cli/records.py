"""Finding the record that a command names: by its human number, its id, or as ENTITY/ID."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from crmkit.cli.suggestions import Suggesting, close_names
from crmkit.core.entity import EntityInfo, Record
from crmkit.core.errors import CrmkitError, NotFoundError, UnknownEntityError
from crmkit.core.fields import Number
from crmkit.core.reading.reader import Reader
from crmkit.core.registry import Registry
from crmkit.core.text import gettext as _

__all__ = [
    "MisspeltEntityError",
    "NoReferenceError",
    "UnknownRecordError",
    "find_entity",
    "find_record",
    "name_of",
]


class NoReferenceError(CrmkitError):
    """What was given names no record: it is no number, no id, and no entity with one of them."""

    code = "no-reference"
    template = _("{reference!r} names no record. Give a number such as {example}, an id, or ENTITY/ID.")

    def __init__(self, reference: str, example: str) -> None:
        """Give an *example* of a number that would do."""
        super().__init__(reference=reference, example=example)


class UnknownRecordError(NotFoundError):
    """No entity has a record of this id for this reader."""

    code = "unknown-record"
    template = _("There is no record {reference!r}.")

    def __init__(self, reference: str) -> None:
        """Name the id."""
        super().__init__("*", reference)


class MisspeltEntityError(Suggesting, UnknownEntityError):
    """No enabled plugin declares this entity; ``options`` are similar names."""

    def __init__(self, entity: str, options: list[str]) -> None:
        """Suggest *options*."""
        super().__init__(entity)
        self.facts = {**self.facts, "options": options}


def find_entity(registry: Registry, name: str) -> EntityInfo:
    """Return the entity called *name*.

    Raises:
        UnknownEntityError: there is none.
    """
    if name not in registry.entities:
        raise MisspeltEntityError(name, _close(registry, name))
    return registry.entities[name]


def _close(registry: Registry, name: str) -> list[str]:
    # Half of a name is that of the plugin, which alone makes no two entities alike.
    return close_names(name, registry.entities, likeness=0.8)


def find_record(db: Reader, registry: Registry, reference: str) -> Record:
    """Return the record that *reference* names: ``D-000123``, an id, ``sales.deal/D-000123`` or ``sales.deal/<id>``.

    Raises:
        NoReferenceError: it can name none.
        UnknownEntityError: what stands before the slash is no entity.
        NotFoundError: there is no such record for this reader.
    """
    entity, slash, rest = reference.rpartition("/")
    candidates = [find_entity(registry, entity)] if slash else list(_candidates(registry, rest))
    for info in candidates:
        try:
            return db.get(info.cls, rest)  # type: ignore[no-any-return]
        except NotFoundError:
            continue
    if not candidates:
        options = _close(registry, reference)
        if options and reference not in options:
            raise MisspeltEntityError(reference, options)
        raise NoReferenceError(reference, _example(registry))
    raise NotFoundError(candidates[0].id, rest) if len(candidates) == 1 else UnknownRecordError(rest)


def _example(registry: Registry) -> str:
    kinds = [info.number.type for info in registry.entities.values() if info.number]
    return next((kind.render(123) for kind in kinds if isinstance(kind, Number)), "D-000123")


def _candidates(registry: Registry, reference: str) -> Iterator[EntityInfo]:
    """Yield the entities that *reference* may belong to: by the prefix of its number, or all of them for an id."""
    is_id = _is_id(reference)
    for info in registry.entities.values():
        kind: Any = info.number.type if info.number else None
        if is_id or (isinstance(kind, Number) and reference.startswith(f"{kind.prefix}-")):
            yield info


def _is_id(reference: str) -> bool:
    try:
        UUID(reference)
    except ValueError:
        return False
    return True


def name_of(record: Record) -> str:
    """Return what people call *record*: its number and its name, or else its id."""
    info = record.__entity__
    number = getattr(record, info.number.name, None) if info.number else None
    parts = [number, getattr(record, "name", None) or getattr(record, "title", None)]
    return " ".join(str(part) for part in parts if part) or str(record.id)
