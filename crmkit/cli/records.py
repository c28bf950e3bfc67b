"""Finding the record that a command names: by its human number, its id, or as ENTITY/ID."""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import UUID

from crmkit.cli.suggestions import Suggesting, close_names
from crmkit.core.entity import EntityInfo, Record
from crmkit.core.errors import CrmkitError, NotFoundError, UnknownEntityError
from crmkit.core.fields import Number
from crmkit.core.merging.unmerge import Unmerged
from crmkit.core.reading.lists import is_called
from crmkit.core.reading.reader import Reader
from crmkit.core.registry import Registry
from crmkit.core.text import casefold, gettext as _
from crmkit.core.writing.writer import Writer

__all__ = [
    "MisspeltEntityError",
    "NoReferenceError",
    "UnknownRecordError",
    "find_entity",
    "find_in_bin_too",
    "find_record",
    "find_unmerged",
    "name_of",
]

_COUNTER = re.compile(r"[0-9]{1,18}\Z")


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

    A merged record leads a reader to the one that it went into. To a writer, who is about to change something, it is
    none: nobody has seen that one.

    Raises:
        NoReferenceError: it can name none.
        UnknownEntityError: what stands before the slash is no entity.
        NotFoundError: there is no such record for this reader.
    """
    entity, slash, rest = reference.rpartition("/")
    candidates = [find_entity(registry, entity)] if slash else list(_candidates(registry, rest))
    for info, spelling in ((each, spelling) for each in candidates for spelling in _spellings(each, rest)):
        try:
            found: Record = db.get(info.cls, spelling)
        except NotFoundError:
            continue
        if is_called(info, found, spelling) or not isinstance(db, Writer):
            return found
    if not candidates:
        options = _close(registry, reference)
        if options and reference not in options:
            raise MisspeltEntityError(reference, options)
        raise NoReferenceError(reference, _example(registry))
    raise NotFoundError(candidates[0].id, rest) if len(candidates) == 1 else UnknownRecordError(rest)


def find_in_bin_too(db: Reader, registry: Registry, reference: str) -> Record:
    """Return the record that :func:`find_record` finds, or else one in the bin that the principal may delete.

    Raises:
        NoReferenceError, UnknownEntityError, NotFoundError: as for :func:`find_record`.
    """
    try:
        return find_record(db, registry, reference)
    except NotFoundError:
        entity, slash, rest = reference.rpartition("/")
        for info in [registry.entities[entity]] if slash else _candidates(registry, rest):
            named = [info.cls.f.id == UUID(rest)] if _is_id(rest) else []
            if info.number and info.number.name in db.readable_fields(info.cls):
                named += [getattr(info.cls.f, info.number.name) == text for text in _spellings(info, rest)]
            found: list[Record] = [record for rule in named for record in db.find(info.cls, rule, deleted=True)]
            if found:
                return found[0]
        raise


def find_unmerged(db: Writer, registry: Registry, reference: str) -> Unmerged[Record]:
    """Unmerge the record that *reference* names in one of the ways of :func:`find_record`.

    Raises:
        UnknownRecordError: no merged record has this name for this writer.
        CrmkitError: as :meth:`Writer.unmerge`.
    """
    entity, slash, rest = reference.rpartition("/")
    candidates = [find_entity(registry, entity)] if slash else list(_candidates(registry, rest))
    for cls, spelling in ((info.cls, spelling) for info in candidates for spelling in _spellings(info, rest)):
        try:
            return db.unmerge(cls, spelling)
        except NotFoundError:
            continue
    raise UnknownRecordError(rest)


def _example(registry: Registry) -> str:
    kinds = map(_number_of, registry.entities.values())
    return next((kind.render(123) for kind in kinds if kind), "D-000123")


def _candidates(registry: Registry, reference: str) -> Iterator[EntityInfo]:
    """Yield the entities that *reference* may belong to: by the prefix of its number, or all of them for an id."""
    is_id = _is_id(reference)
    for info in registry.entities.values():
        kind = _number_of(info)
        if is_id or (kind and casefold(reference).startswith(casefold(f"{kind.prefix}-"))):
            yield info


def _number_of(info: EntityInfo) -> Number | None:
    kind = info.number.type if info.number else None
    return kind if isinstance(kind, Number) else None


def _spellings(info: EntityInfo, reference: str) -> Iterator[str]:
    """Yield *reference* and, if it is a number as people type it, such as ``d-123``, how it is written in full."""
    yield reference
    kind, (prefix, _hyphen, counter) = _number_of(info), reference.rpartition("-")
    if kind and casefold(prefix) == casefold(kind.prefix) and _COUNTER.match(counter):
        yield kind.render(int(counter))


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
