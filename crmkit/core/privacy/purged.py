"""What the ledger alone still tells of somebody: the histories of records that were purged.

Of these nobody declares any more what tells of whom. Whatever names a record that is erased is taken to be about it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmkit.core.ledger import purged_rows
from crmkit.core.privacy.belonging import Key

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["purged_about"]

_ID = re.compile(r"\"([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\"")
_PAGE = 1_000


def purged_about(writer: Writer, keys: Collection[Key]) -> list[Key]:
    """Return the records, purged by now, whose histories name one of *keys*, or one another that does."""
    purged, found = purged_rows(writer.connection, writer.model.schema), dict[Key, None]()
    todo = {str(id_) for _entity, id_ in keys} if purged else set()
    while todo:
        named = dict.fromkeys(key for key in _naming(writer, purged, todo) if key not in found)
        found |= named
        todo = {str(id_) for _entity, id_ in named}
    return list(found)


def _naming(writer: Writer, purged: dict[str, int], ids: set[str]) -> Iterator[Key]:
    """Yield the records of *purged* tables with a value that is one of *ids*."""
    ledger, payload = writer.model.schema.system.ledger, writer.model.schema.system.ledger_payload
    table = sa.func.replace(ledger.c.entity, ".", "_")
    of_purged = (
        sa.select(ledger.c.id, ledger.c.entity, ledger.c.record_id, payload.c.changes)
        .join(payload, payload.c.ledger_id == ledger.c.id)
        .where(table.in_(sorted(purged)), ledger.c.entity != table, ledger.c.id <= max(purged.values()))
        .order_by(ledger.c.id)
        .limit(_PAGE)
    )
    page = writer.connection.execute(of_purged).all()
    while page:
        for row in page:
            is_gone = row.id < purged[row.entity.replace(".", "_")]
            if is_gone and not ids.isdisjoint(_ID.findall(row.changes)):
                yield row.entity, row.record_id
        page = writer.connection.execute(of_purged.where(ledger.c.id > page[-1].id)).all()
