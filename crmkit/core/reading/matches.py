"""Records that have a key in common with given values: those that may be the same as what is described."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID

import attrs
import sqlalchemy as sa

from crmkit.core.entity import EntityInfo, Record
from crmkit.core.storage.batches import padded_batches
from crmkit.core.storage.codecs import id_decoder
from crmkit.core.storage.columns import Id

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader

__all__ = ["Matches", "SharedKeys", "find_matches", "find_shared_keys"]

R = TypeVar("R", bound=Record)
# More than this many records that share a key are not told apart by it.
_MOST = 50
_NOBODY = UUID(int=0)


@attrs.frozen
class Matches(Generic[R]):
    """The visible records that share a key, and whether there is a hidden one, for those who may know that."""

    records: list[R]
    is_hidden_one: bool = False


def find_matches(reader: Reader, info: EntityInfo, values: Mapping[str, Any], but: UUID | None) -> Matches[Any]:
    """Return the records of *info* that share a key with *values*, without the record *but*.

    Only keys of fields that the principal may read are looked up. That a hidden record shares a key that identifies is
    told to those who are granted ``see_duplicates`` on it, and nothing else of it.
    """
    matcher = reader.model.registry.matchers.get(info.id)
    if matcher is None:
        return Matches([])
    access = reader.access.entity(info)
    keys = sorted(matcher.of(values, access.readable))
    found: dict[UUID, None] = {}
    for batch in padded_batches(keys):
        found |= dict.fromkeys(_ids(reader, info, batch, but, hidden=False))
    told = {key.name for key in matcher.keys if key.identifies}
    strong = [key for key in keys if key.partition(":")[0] in told]
    may_know = not reader.access.is_system and bool(access.scope("see_duplicates"))
    is_hidden = may_know and any(_ids(reader, info, batch, but, hidden=True) for batch in padded_batches(strong))
    records = reader.get_many(info.cls, found)
    return Matches([records[id_] for id_ in found if id_ in records], is_hidden)


@attrs.frozen
class SharedKeys:
    """The visible records that have one of many keys, by key, and the keys that hidden ones have, as may be told."""

    records: Mapping[str, list[Any]]
    hidden: frozenset[str]


def find_shared_keys(reader: Reader, info: EntityInfo, keys: Iterable[str]) -> SharedKeys:
    """Return who of *info* has one of *keys*: as :func:`find_matches`, for many records in a few statements.

    *keys* are made of fields that the principal may read.
    """
    matcher = reader.model.registry.matchers[info.id]
    asked = sorted(set(keys))
    shared: dict[str, list[UUID]] = {}
    decode = id_decoder(reader.model.storage.dialect.name)
    for batch in padded_batches(asked):
        for key, id_ in _holders(reader, info, batch, hidden=False):
            shared.setdefault(key, []).append(decode(id_))
    hidden: set[str] = set()
    if not reader.access.is_system and reader.access.entity(info).scope("see_duplicates"):
        told = {key.name for key in matcher.keys if key.identifies}
        for batch in padded_batches([key for key in asked if key.partition(":")[0] in told]):
            hidden |= {key for key, _id in _holders(reader, info, batch, hidden=True)}
    found = reader.get_many(info.cls, {id_ for ids in shared.values() for id_ in ids})
    records = {key: [found[id_] for id_ in ids if id_ in found] for key, ids in shared.items()}
    return SharedKeys(records, frozenset(hidden))


def _holders(reader: Reader, info: EntityInfo, keys: Sequence[str], *, hidden: bool) -> list[tuple[Any, ...]]:
    """Return keys and, undecoded, ids of those that have them: of each key no more than tell records apart."""
    names = {f"key_{place}": key for place, key in enumerate(keys)}

    def statement() -> sa.Select[Any]:
        column = reader.model.schema.system.match_key.c
        place = sa.func.row_number().over(partition_by=column.key, order_by=column.record_id).label("place")
        ranked = _having(reader, info, list(names), hidden).with_only_columns(column.key, column.record_id, place)
        found = ranked.subquery()
        return sa.select(found.c.key, found.c.record_id).where(found.c.place <= (1 if hidden else _MOST))

    return reader.rows_for(("holders", info.id, len(keys), hidden), statement, names)


def _ids(reader: Reader, info: EntityInfo, keys: Sequence[str], but: UUID | None, *, hidden: bool) -> list[UUID]:
    names = {f"key_{place}": key for place, key in enumerate(keys)}
    statement = partial(_statement, reader, info, list(names), hidden)
    rows = reader.rows_for(("matches", info.id, len(keys), hidden), statement, {**names, "but": but or _NOBODY})
    decode = id_decoder(reader.model.storage.dialect.name)
    return [decode(row[0]) for row in rows]


def _statement(reader: Reader, info: EntityInfo, names: Sequence[str], hidden: bool) -> sa.Select[Any]:
    but = reader.model.schema.table(info).c.id != sa.bindparam("but", type_=Id(), required=True)
    return _having(reader, info, names, hidden).where(but).limit(1 if hidden else _MOST)


def _having(reader: Reader, info: EntityInfo, names: Sequence[str], hidden: bool) -> sa.Select[Any]:
    """Return the ids of the visible records, or of the hidden ones that may be told, with the keys called *names*."""
    key, table = reader.model.schema.system.match_key, reader.model.schema.table(info)
    visibility = reader.named_visibility
    visible = visibility.predicate(info, table.c)
    shown = visible
    if hidden:
        # What is unknown is not visible.
        shown = sa.and_(
            sa.not_(sa.func.coalesce(visible, sa.false())), visibility.predicate(info, table.c, "see_duplicates")
        )
    asked = [sa.bindparam(name, type_=key.c.key.type, required=True) for name in names]
    return (
        sa.select(key.c.record_id)
        .select_from(key.join(table, table.c.id == key.c.record_id))
        .where(key.c.entity == info.id, key.c.key.in_(asked), table.c.deleted_at.is_(None), shown)
    )
