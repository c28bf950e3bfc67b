"""Taking everything that is known of records out of the database, table by table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crmkit.core.entity import EntityInfo, FieldInfo
from crmkit.core.fields import ContentHash, Text
from crmkit.core.ledger import ERASED, Entry
from crmkit.core.privacy.belonging import Key, by_entity
from crmkit.core.privacy.emptying import emptied_custom, emptied_fields, emptied_value, emptied_values
from crmkit.core.privacy.extent import Extent
from crmkit.core.privacy.queue import forget_jobs
from crmkit.core.privacy.tombstones import unwant
from crmkit.core.searching.rebuilding import make_words
from crmkit.core.storage.batches import padded_batches
from crmkit.core.storage.schema import column_names
from crmkit.core.storage.sealing import bound_values, opener_of

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["wipe", "wipe_extension"]


def wipe(writer: Writer, extent: Extent, people: Iterable[Key], purged: Sequence[Key] = ()) -> None:
    """Delete the records of *extent* that go and empty those that stay; *people* are those whom it is all about.

    Of what was *purged* the histories are emptied: nothing else is left of it.
    """
    _overwrite(writer)
    forget_jobs(writer, extent.keys, set(_words(writer, people)))
    unwant(writer, _contents(writer, extent))
    for entity, ids in by_entity(extent.keys).items():
        _forget_history(writer, entity, ids)
        _forget_names(writer, entity, ids)
    # Any of them may tell of somebody; without them a request that is sent again is done again.
    writer.connection.execute(sa.delete(writer.model.schema.system.answer))
    _delete_rows(writer, by_entity(extent.gone))
    for entity, ids in by_entity(extent.stays).items():
        _empty_rows(writer, writer.model.registry.entities[entity], ids)
        _search_what_stays(writer, entity, ids)
    for entity, ids in by_entity(purged).items():
        _forget_history(writer, entity, ids)
    told = [*extent.keys, *purged]
    writer.note([Entry(entity, id_, ERASED, {}, writer.cause, writer.depth) for entity, id_ in told])


def wipe_extension(writer: Writer, side: EntityInfo, ids: Sequence[UUID]) -> None:
    """Take what the extension *side* has of the records with *ids*, which were erased without it, as :func:`wipe` does.

    Of records that are kept for a reason of their own it loses what is personal.
    """
    _overwrite(writer)
    host = str(side.host)
    _empty_side(writer, side, ids, only_personal=writer.model.registry.entities[host].kept is not None)
    _search_what_stays(writer, host, ids)
    writer.note([Entry(host, id_, ERASED, {}, writer.cause, writer.depth) for id_ in ids])


def _overwrite(writer: Writer) -> None:
    if writer.model.storage.is_sqlite:
        # Else what was deleted stays in the file until something is written over it.
        writer.connection.exec_driver_sql("PRAGMA secure_delete = ON")


def _words(writer: Writer, people: Iterable[Key]) -> Iterator[str]:
    """Yield the texts that name the *people*, such as addresses, by which to find them where no id stands."""
    for entity, ids in by_entity(people).items():
        info = writer.model.registry.entities[entity]
        table = writer.model.schema.table(info)
        fields = [field for field in info.fields.values() if field.personal and isinstance(field.type, Text)]
        names = [field.name for field in fields if not field.encrypted]
        for row in _rows(writer, table, [table.c[name] for name in names], ids) if names else ():
            yield from (value for value in row if value)
        for field in (field for field in fields if field.encrypted):
            open_, column = opener_of(writer.model.schema.keys, info, field), table.c[column_names(field)[0]]
            for id_, sealed in _rows(writer, table, [table.c.id, column], ids):
                if sealed is not None:
                    yield open_(sealed, id_)


def _contents(writer: Writer, extent: Extent) -> Iterator[str]:
    """Yield the hashes of content that records have which go, or are emptied of everything."""
    kept = {entity for entity, info in writer.model.registry.entities.items() if info.kept is not None}
    for entity, ids in by_entity(key for key in extent.keys if key[0] not in kept).items():
        info = writer.model.registry.entities[entity]
        table = writer.model.schema.table(info)
        columns = [table.c[f.name] for f in info.fields.values() if isinstance(f.type, ContentHash)]
        for row in _rows(writer, table, columns, ids) if columns else ():
            yield from (value for value in row if value)


def _rows(writer: Writer, table: sa.Table, columns: Sequence[Any], ids: Sequence[UUID]) -> Iterator[Any]:
    for batch in padded_batches(ids):
        yield from writer.connection.execute(sa.select(*columns).where(table.c.id.in_(batch)))


def _forget_history(writer: Writer, entity: str, ids: Sequence[UUID]) -> None:
    ledger, payload = writer.model.schema.system.ledger, writer.model.schema.system.ledger_payload
    for batch in padded_batches(ids):
        rows = sa.select(ledger.c.id).where(ledger.c.record_id.in_(batch), ledger.c.entity == entity)
        writer.connection.execute(sa.delete(payload).where(payload.c.ledger_id.in_(rows)))


def _forget_names(writer: Writer, entity: str, ids: Sequence[UUID]) -> None:
    """Forget what other systems call the records, what was merged into them, and what finds or reminds of them."""
    system = writer.model.schema.system
    for batch in padded_batches(ids):
        for table, column in (
            (system.external_id, system.external_id.c.record_id),
            (system.match_key, system.match_key.c.record_id),
            (system.search_document, system.search_document.c.record_id),
            (system.merge, system.merge.c.record_id),
            (system.merge, system.merge.c.winner_id),
        ):
            writer.connection.execute(sa.delete(table).where(table.c.entity == entity, column.in_(batch)))
        writer.connection.execute(sa.delete(system.occurrence).where(system.occurrence.c.record_id.in_(batch)))


def _delete_rows(writer: Writer, gone: dict[str, list[UUID]]) -> None:
    """Delete rows, those that refer to others first."""
    registry, schema, visit = writer.model.registry, writer.model.schema, writer.model.schema.system.stage_visit
    by_table = {schema.table(registry.entities[entity]): (entity, ids) for entity, ids in gone.items()}
    for entity, ids in gone.items():
        for side in registry.extensions.get(entity, {}).values():
            _delete(writer, schema.table(side).c.record_id, ids)
    for table in reversed(sa.schema.sort_tables(by_table)):
        entity, ids = by_table[table]
        _delete(writer, table.c.id, ids)
        if registry.entities[entity].pipelined:
            for batch in padded_batches(ids):
                mine = visit.c.record_id.in_(batch), visit.c.entity == entity
                writer.connection.execute(sa.delete(visit).where(*mine))


def _search_what_stays(writer: Writer, entity: str, ids: Sequence[UUID]) -> None:
    searched = writer.model.searched.get(entity)
    if searched is not None:
        for batch in padded_batches(ids):
            make_words(writer, searched, sorted(set(batch)))


def _delete(writer: Writer, key: Any, ids: Sequence[UUID]) -> None:
    for batch in padded_batches(ids):
        writer.connection.execute(sa.delete(key.table).where(key.in_(batch)))


def _empty_rows(writer: Writer, info: EntityInfo, ids: Sequence[UUID]) -> None:
    table, only_personal = writer.model.schema.table(info), info.kept is not None
    for side in writer.model.registry.extensions.get(info.id, {}).values():
        _empty_side(writer, side, ids, only_personal=only_personal)
    emptied = list(emptied_fields(info, only_personal=only_personal))
    for batch in padded_batches(ids):
        for row in writer.connection.execute(sa.select(table.c.id, table.c.custom).where(table.c.id.in_(batch))):
            values = _emptied(writer, info, emptied, row.id)
            values["custom"] = emptied_custom(info, row.custom, only_personal=only_personal)
            values |= {"version": table.c.version + 1, "updated_at": writer.now}
            writer.connection.execute(sa.update(table).where(table.c.id == row.id).values(values))


def _empty_side(writer: Writer, side: EntityInfo, ids: Sequence[UUID], *, only_personal: bool) -> None:
    table = writer.model.schema.table(side)
    if not only_personal:
        _delete(writer, table.c.record_id, ids)
    elif emptied := list(emptied_fields(side, only_personal=True)):
        for id_ in ids:
            values = _emptied(writer, side, emptied, id_)
            writer.connection.execute(sa.update(table).where(table.c.record_id == id_).values(values))


def _emptied(writer: Writer, info: EntityInfo, fields: Iterable[FieldInfo], record: UUID) -> dict[str, Any]:
    currency, keys, values = writer.model.registry.currency, writer.model.schema.keys, dict[str, Any]()
    for field in fields:
        if field.encrypted:
            values |= bound_values(keys, info, field, emptied_value(field, record, currency), record)
        else:
            values |= emptied_values(field, record, currency)
    return values
