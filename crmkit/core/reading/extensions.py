"""What plugins added to the records of a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import sqlalchemy as sa

from crmkit.core.entity import ExtensionRecord, Record
from crmkit.core.errors import NotFoundError
from crmkit.core.fields import Column
from crmkit.core.storage.codecs import slot_decoder
from crmkit.core.storage.prepared import Prepared

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader

__all__ = ["extensions"]

X = TypeVar("X", bound=ExtensionRecord)
_ID = Column("", "uuid")


def extensions(reader: Reader, cls: type[X], records: Sequence[Record]) -> dict[UUID, X]:
    """Return the extension *cls* of each of *records* by the record's id; defaults where nothing was written.

    Raises:
        NotFoundError: *reader* does not see a record.
    """
    crm = reader.crm
    info = crm.registry.extension(cls)
    host = crm.registry.entities[str(info.host)]
    seen = reader.get_many(host.cls, [record.id for record in records])
    for record in records:
        if record.id not in seen:
            raise NotFoundError(host.id, record.id)
    loader = crm.loader(info, reader.access)
    table = crm.schema.table(info)
    statement = sa.select(*(table.c[name] for name in (*loader.columns, "record_id")))
    rows = Prepared(statement.where(table.c.record_id.in_(list(seen))), crm.storage.dialect).rows(reader.connection)
    decode = slot_decoder(_ID, crm.storage.dialect.name) or _same
    stored = {decode(row[-1]): values for row, values in zip(rows, loader.load(rows), strict=True)}
    return {id_: stored.get(id_) or crm.defaults(info, reader.access) for id_ in seen}


def _same(value: Any) -> Any:
    return value
