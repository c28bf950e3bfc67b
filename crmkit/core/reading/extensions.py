"""What plugins added to the records of a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import sqlalchemy as sa

from crmkit.core.entity import EntityInfo, ExtensionRecord, Record
from crmkit.core.errors import NotFoundError
from crmkit.core.storage.batches import id_parameters
from crmkit.core.storage.codecs import id_decoder

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader

__all__ = ["extension_values", "extensions"]

X = TypeVar("X", bound=ExtensionRecord)


def extensions(reader: Reader, cls: type[X], records: Sequence[Record]) -> dict[UUID, X]:
    """Return the extension *cls* of each of *records* by the record's id; defaults where nothing was written.

    Raises:
        NotFoundError: *reader* does not see a record.
    """
    info = reader.model.registry.extension(cls)
    host = reader.model.registry.entities[str(info.host)]
    seen = reader.get_many(host.cls, [record.id for record in records])
    for record in records:
        if record.id not in seen:
            raise NotFoundError(host.id, record.id)
    return extension_values(reader, info, list(seen))


def extension_values(reader: Reader, info: EntityInfo, ids: Sequence[UUID]) -> dict[UUID, Any]:
    """Return the extension *info* of the records with these *ids*; the defaults also where *reader* sees no record.

    Of a record in the bin it is told to those who would see it outside.
    """
    model = reader.model
    host = model.registry.entities[str(info.host)]
    loader, table, beside = model.loader(info, reader.access), model.schema.table(info), model.schema.alias(host)

    def statement(number: int) -> sa.Select[Any]:
        columns = (table.c[name] for name in (*loader.columns, "record_id"))
        asked = sa.select(*columns).where(table.c.record_id.in_(id_parameters(number)))
        if not model.storage.is_sqlite:
            # Told of the rows beside as well, PostgreSQL looks up shares once, and reads no more than these.
            asked = asked.where(beside.c.id.in_(id_parameters(number)))
        return asked.where(beside.c.id == table.c.record_id, reader.named_visibility.predicate(host, beside.c))

    rows = reader.rows_by_ids(("extension", info.table), statement, ids)
    decode = id_decoder(model.storage.dialect.name)
    stored = {decode(row[-1]): values for row, values in zip(rows, loader.load(rows), strict=True)}
    return {id_: stored.get(id_) or model.defaults(info, reader.access) for id_ in ids}
