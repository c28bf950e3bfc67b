"""Erasing what was away while somebody was erased, and comes back: of a plugin, or of an entity made at run time.

Only erasures since it went away are replayed: what was written later about a record that had been emptied is about
nobody, and stays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crmkit.core.entity import EntityInfo
from crmkit.core.privacy.belonging import Key, about, by_entity, is_about, referring_rows
from crmkit.core.privacy.erasing import erase_records
from crmkit.core.privacy.holding import refuse_held
from crmkit.core.privacy.tombstones import read_tombstones
from crmkit.core.privacy.wiping import wipe_extension
from crmkit.core.storage.batches import padded_batches

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader
    from crmkit.core.writing.writer import Writer

__all__ = ["erase_returned"]

_Erased = Mapping[str, list[UUID]]


def erase_returned(
    writer: Writer, returned: Collection[EntityInfo], since: datetime, asked: str, asker: Reader | None = None
) -> int:
    """Erase what entities and extensions that *returned* have of the erased *since* then, and return how many records.

    These are records that were erased elsewhere meanwhile, as a restored backup has them, those about somebody who was
    erased, with all that is about them, and extensions of these. *asked* is the entity that a refusal names to an
    *asker* who does not see the hold; *writer* has no limits.

    Raises:
        LegalHoldError, ConflictError: something of it is under a legal hold.
    """
    erased = by_entity(
        (stone.entity, stone.record_id) for stone in read_tombstones(writer.connection, writer.model.schema, since)
    )
    roots = dict.fromkeys(_reached(writer, returned, erased)) if erased else {}
    refuse_held(asker or writer, about(writer, roots), asked)
    count = erase_records(writer, list(roots)) if roots else 0
    return count + sum(_wiped(writer, side, erased.get(str(side.host), ())) for side in returned if side.host)


def _reached(writer: Writer, returned: Collection[EntityInfo], erased: _Erased) -> Iterator[Key]:
    """Yield the records of entities that *returned* and were *erased*, or tell of who was."""
    tables = {info.id: writer.model.schema.table(info) for info in returned if not info.host}
    for entity, ids in erased.items():
        if entity in tables:
            yield from ((entity, id_) for id_ in _there(writer, tables[entity].c.id, ids))
        for info, field in writer.model.registry.references_to(entity):
            if info.host is None and info.id in tables and is_about(field):
                yield from ((info.id, row) for row, _target in referring_rows(writer, entity, info, field, ids))


def _wiped(writer: Writer, side: EntityInfo, ids: Sequence[UUID]) -> int:
    found = list(_there(writer, writer.model.schema.table(side).c.record_id, ids))
    if found:
        wipe_extension(writer, side, found)
    return len(found)


def _there(writer: Writer, key: Any, ids: Sequence[UUID]) -> Iterator[UUID]:
    """Yield those of *ids* that stand under *key* in its table."""
    for batch in padded_batches(ids):
        yield from writer.connection.scalars(sa.select(key).where(key.in_(batch)))
