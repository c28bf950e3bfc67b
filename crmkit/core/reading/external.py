"""Finding records by the ids under which other systems know them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

import attrs
import sqlalchemy as sa

from crmkit.core.entity import EntityInfo
from crmkit.core.reading.transaction import Transaction
from crmkit.core.storage.batches import padded_batches
from crmkit.core.storage.codecs import id_decoder

__all__ = ["Known", "find_external"]


@attrs.frozen
class Known:
    """The record that an external id leads to, and whether it lies in the bin."""

    record_id: UUID
    is_deleted: bool


def find_external(db: Transaction, system: str, info: EntityInfo, values: Sequence[str]) -> Mapping[str, Known]:
    """Return what is known of *values* in *system*; absent are those that lead to nothing the principal can see.

    A record in the bin is seen by those who may restore it.
    """
    found: dict[str, Known] = {}
    for batch in padded_batches(values):
        found |= _find(db, system, info, batch)
    return found


def _find(db: Transaction, system: str, info: EntityInfo, values: Sequence[str]) -> dict[str, Known]:
    names = {f"value_{place}": value for place, value in enumerate(values)}
    statement = partial(_statement, db, info, list(names))
    rows = db.rows_for(("external", info.id, len(values)), statement, names | {"system": system})
    decode = id_decoder(db.model.storage.dialect.name)
    return {value: Known(decode(id_), bool(deleted)) for value, id_, deleted in rows}


def _statement(db: Transaction, info: EntityInfo, names: Sequence[str]) -> sa.Select[Any]:
    table, record = db.model.schema.system.external_id, db.model.schema.table(info)
    visible, restorable = (db.named_visibility.predicate(info, record.c, verb) for verb in ("read", "delete"))
    system, *values = (sa.bindparam(name, type_=sa.String(), required=True) for name in ("system", *names))
    return (
        sa.select(table.c.value, table.c.record_id, record.c.deleted_at.is_not(None))
        .select_from(table.join(record, record.c.id == table.c.record_id))
        .where(table.c.system == system, table.c.entity == info.id, table.c.value.in_(values))
        .where(visible, sa.or_(record.c.deleted_at.is_(None), restorable))
    )
