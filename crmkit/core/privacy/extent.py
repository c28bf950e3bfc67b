"""How far the erasure of somebody goes: which records go, and which stay without what they tell of the person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import sqlalchemy as sa

from crmkit.core.entity import EntityInfo
from crmkit.core.privacy.belonging import Key, about, by_entity, referring_rows
from crmkit.core.storage.batches import id_parameters, padded_batches
from crmkit.core.storage.columns import Id
from crmkit.core.text import Text, gettext as _

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader

__all__ = ["ErasedRecords", "Extent", "extent_of", "seen_ids", "told"]

_REFERRED = _("records that stay refer to it")


@attrs.frozen
class Extent:
    """All records that an erasure reaches, and why some of them stay."""

    keys: tuple[Key, ...]
    stays: dict[Key, Text]

    @property
    def gone(self) -> list[Key]:
        """The records of which nothing is left."""
        return [key for key in self.keys if key not in self.stays]


@attrs.frozen
class ErasedRecords:
    """What an erasure does to *count* records of one entity: they are deleted, or emptied for a *reason* to stay."""

    entity: str
    count: int
    reason: Text | None


def extent_of(reader: Reader, roots: Iterable[Key]) -> Extent:
    """Return how far the erasure of *roots* goes, whoever may see it."""
    keys = about(reader, roots)
    entities = reader.model.registry.entities
    stays = {key: reason for key in keys if (reason := entities[key[0]].kept) is not None}
    leads_to: dict[Key, list[Key]] = {}
    inside, todo = set(keys), list(stays)
    for source, target in chain(_references(reader, keys), _unknown_references(reader, keys)):
        if source in inside:
            leads_to.setdefault(source, []).append(target)
        elif target not in stays:
            stays[target] = _REFERRED
            todo.append(target)
    while todo:
        for target in leads_to.get(todo.pop(), ()):
            if target not in stays:
                stays[target] = _REFERRED
                todo.append(target)
    return Extent(tuple(keys), stays)


def _references(reader: Reader, keys: Iterable[Key]) -> Iterator[tuple[Key, Key]]:
    """Yield each reference to one of *keys* as (the record that has it, the record that it leads to)."""
    for entity, ids in by_entity(keys).items():
        for info, field in reader.model.registry.references_to(entity):
            for row, target in referring_rows(reader, entity, info, field, ids):
                source = (info.host or info.id, row)
                if source != (entity, target):
                    yield source, (entity, target)


def _unknown_references(reader: Reader, keys: Iterable[Key]) -> Iterator[tuple[Key, Key]]:
    """Yield the references in tables that nobody declares at present: of parked plugins, and of removed entities."""
    connection, schema = reader.connection, reader.model.schema
    entity_of = {schema.table(info).name: entity for entity, info in reader.model.registry.entities.items()}
    known = {table.name for table in (*schema.metadata.tables.values(), *schema.tables.values())}
    inspector, ids_of = sa.inspect(connection), by_entity(keys)
    for name in sorted(set(inspector.get_table_names()) - known):
        for foreign in inspector.get_foreign_keys(name):
            entity = entity_of.get(foreign["referred_table"], "")
            column: Any = sa.column(foreign["constrained_columns"][0], Id())
            for batch in padded_batches(ids_of.get(entity, ())):
                found = sa.select(column).select_from(sa.table(name)).where(column.in_(batch)).distinct()
                yield from (((name, id_), (entity, id_)) for id_ in connection.scalars(found))


def told(reader: Reader, extent: Extent) -> tuple[ErasedRecords, ...]:
    """Return what of *extent* the principal may know of: the records that it sees, live or in the bin."""
    counts: dict[tuple[str, Text | None], int] = {}
    for entity, ids in by_entity(extent.keys).items():
        for id_ in seen_ids(reader, reader.model.registry.entities[entity], ids):
            why = extent.stays.get((entity, id_))
            counts[entity, why] = counts.get((entity, why), 0) + 1
    return tuple(ErasedRecords(entity, count, why) for (entity, why), count in counts.items())


def seen_ids(reader: Reader, info: EntityInfo, ids: list[UUID], verb: str = "read") -> set[UUID]:
    """Return those of *ids* that the principal sees, live or in the bin, and on which *verb* is allowed."""
    return reader.ids_by_ids(("seen", info.id, verb), partial(_seen, reader, info, verb), ids)


def _seen(reader: Reader, info: EntityInfo, verb: str, number: int) -> sa.Select[Any]:
    table, visibility = reader.model.schema.table(info), reader.named_visibility
    shown = sa.or_(*(visibility.shown(info, table.c, deleted=deleted) for deleted in (False, True)))
    allowed = visibility.predicate(info, table.c, verb)
    return sa.select(table.c.id).where(table.c.id.in_(id_parameters(number)), shown, allowed)
