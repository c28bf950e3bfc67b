"""What is about somebody: the records that hang on a person, those of every plugin, live or in the bin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crmkit.core.entity import EntityInfo, FieldInfo
from crmkit.core.fields import AnyReference, Reference
from crmkit.core.storage.batches import padded_batches
from crmkit.core.storage.custom import column_in
from crmkit.core.storage.schema import column_names

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader

__all__ = ["Key", "about", "by_entity", "is_about", "merged_into", "referring_rows"]

Key = tuple[str, UUID]


def is_about(field: FieldInfo) -> bool:
    """Return whether a record is about the one that *field* refers to."""
    return isinstance(field.type, Reference | AnyReference) and field.type.is_about and field.slot is None


def by_entity(keys: Iterable[Key]) -> dict[str, list[UUID]]:
    """Return the ids of *keys* by entity, each in order, so that everybody locks them in the same one."""
    found: dict[str, list[UUID]] = {}
    for entity, id_ in keys:
        found.setdefault(entity, []).append(id_)
    return {entity: sorted(ids) for entity, ids in sorted(found.items())}


def about(reader: Reader, keys: Iterable[Key]) -> list[Key]:
    """Return *keys*, what was merged into them, and everything that is about any of it, whoever may see it."""
    found = dict.fromkeys(keys)
    todo = list(found)
    while todo:
        step: dict[Key, None] = {}
        for entity, ids in by_entity(todo).items():
            step |= dict.fromkeys((entity, id_) for id_ in merged_into(reader, entity, ids))
            step |= dict.fromkeys(_entries(reader, entity, ids))
            for info, field in reader.model.registry.references_to(entity):
                if info.host is None and is_about(field):
                    rows = referring_rows(reader, entity, info, field, ids)
                    step |= dict.fromkeys((info.id, row) for row, _target in rows)
        todo = [key for key in step if key not in found]
        found |= dict.fromkeys(todo)
    return list(found)


def _entries(reader: Reader, entity: str, ids: Sequence[UUID]) -> Iterator[Key]:
    """Yield the entries of logs that tell of the records with *ids*: their errors may repeat what stands in these."""
    for info in reader.model.registry.entities.values():
        if info.tells_of is not None:
            table, (of, record) = reader.model.schema.table(info), info.tells_of
            for batch in padded_batches(ids):
                mine = sa.select(table.c.id).where(table.c[record].in_(batch), table.c[of] == entity)
                yield from ((info.id, id_) for id_ in reader.connection.scalars(mine))


def merged_into(reader: Reader, entity: str, ids: Sequence[UUID]) -> Iterator[UUID]:
    """Yield the records that went into those with *ids*."""
    table = reader.model.schema.system.merge
    for batch in padded_batches(ids):
        went = sa.select(table.c.record_id).where(table.c.entity == entity, table.c.winner_id.in_(batch))
        yield from reader.connection.scalars(went)


def referring_rows(
    reader: Reader, entity: str, info: EntityInfo, field: FieldInfo, ids: Sequence[UUID]
) -> Iterator[tuple[UUID, UUID]]:
    """Yield the id of each record, those in the bin too, whose *field* refers to one of *ids*, and which one."""
    table = reader.model.schema.table(info)
    key = table.c.record_id if info.host else table.c.id
    conditions: list[Any] = []
    if isinstance(field.type, AnyReference):
        column: Any = table.c[f"{field.name}_id"]
        conditions = [table.c[f"{field.name}_entity"] == entity]
    else:
        column = column_in(table.c, column_names(field)[0], field.type.columns()[-1])
    for batch in padded_batches(ids):
        found = reader.connection.execute(sa.select(key, column).where(column.in_(batch), *conditions))
        yield from ((row, target) for row, target in found)
