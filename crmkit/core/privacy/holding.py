"""Legal holds: what they keep from being deleted, merged and erased."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.entity import EntityInfo
from crmkit.core.errors import ConflictError, CrmkitError
from crmkit.core.fields import AnyReference, Reference, Target
from crmkit.core.registry import CORE, CUSTOM
from crmkit.core.storage.batches import padded_batches
from crmkit.core.text import gettext as _
from crmkit.core.writing.changes import Write

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader
    from crmkit.core.storage.schema import Schema
    from crmkit.core.writing.writer import Writer

__all__ = ["LegalHoldError", "check_holds", "held", "held_of", "refuse_held"]

Key = tuple[str, UUID]


class LegalHoldError(CrmkitError):
    """The record is under a legal hold: it is neither deleted nor merged nor erased before the hold ends."""

    code = "legal-hold"
    template = _("{entity}: {reference!r} is under a legal hold. Delete the core.legal_hold first, if it has ended.")

    def __init__(self, entity: str, reference: object) -> None:
        """Name the record."""
        super().__init__(entity=entity, reference=str(reference))


def check_holds(writer: Writer, writes: Sequence[Write]) -> None:
    """Refuse deletions of what is held, and of what is about it.

    Raises:
        LegalHoldError: the principal sees the hold.
        ConflictError: the principal does not; the words do not tell what is in the way.
    """
    for write in writes:
        if write.kind == "delete":
            refuse_held(writer, _concerned(write), write.goes_with or write.entity.id)
            if write.entity.id == "core.custom_entity":
                # A hold on what is away could be seen, and ended, by nobody.
                kept = held_of(writer.connection, writer.model.schema, f"{CUSTOM}.{write.stored['slug']}")
                refuse_held(writer, kept, write.entity.id)


def _concerned(write: Write) -> Iterator[Key]:
    """Yield the record that goes, and those that it is about: rights and holds end all the same."""
    yield write.key
    if write.entity.plugin != CORE:
        yield from _subjects(write.entity, write.stored)


def _subjects(info: EntityInfo, values: Any) -> Iterator[Key]:
    for field in info.fields.values():
        value = values.get(field.name)
        if value is None:
            continue
        if isinstance(field.type, AnyReference) and field.type.is_about:
            yield value.entity, value.id
        elif isinstance(field.type, Reference) and field.type.is_about:
            yield field.type.entity, value


def refuse_held(reader: Reader, keys: Iterable[Key], asked: str) -> None:
    """Refuse if one of *keys* is held; *asked* is the entity that a refusal names where nothing may be told.

    Raises:
        LegalHoldError, ConflictError: as for :func:`check_holds`.
    """
    for entity, id_ in held(reader, keys):
        if _is_told(reader, entity, id_):
            raise LegalHoldError(entity, id_)
        raise ConflictError(asked)


def held(reader: Reader, keys: Iterable[Key]) -> list[Key]:
    """Return those of *keys* that are held; whether the principal may know of it is not asked."""
    by_entity: dict[str, list[UUID]] = {}
    for entity, id_ in keys:
        by_entity.setdefault(entity, []).append(id_)
    table = reader.model.schema.tables["core_legal_hold"]
    found: list[Key] = []
    for entity, ids in by_entity.items():
        for batch in padded_batches(ids):
            rows = reader.connection.scalars(
                sa.select(table.c.record_id)
                .where(table.c.record_id.in_(batch), table.c.record_entity == entity, table.c.deleted_at.is_(None))
                .distinct()
            )
            found += [(entity, id_) for id_ in rows]
    return found


def held_of(connection: Connection, schema: Schema, *entities: str) -> list[Key]:
    """Return the records of *entities* that are held; an entity that ends in a dot stands for all of a plugin."""
    table = schema.tables["core_legal_hold"]
    c = table.c.record_entity
    mine = [c.startswith(each, autoescape=True) if each.endswith(".") else c == each for each in entities]
    rows = connection.execute(sa.select(c, table.c.record_id).where(sa.or_(*mine), table.c.deleted_at.is_(None)))
    return [(entity, id_) for entity, id_ in rows]


def _is_told(reader: Reader, entity: str, id_: UUID) -> bool:
    from crmkit.core.privacy.entities import LegalHold

    if "record" not in reader.readable_fields(LegalHold):
        return False
    return bool(reader.count(LegalHold, LegalHold.f.record == Target(entity, id_)))
