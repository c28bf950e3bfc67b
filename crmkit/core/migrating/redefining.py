"""Changing what was defined at run time while tables change, and writing down in the ledger that it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.ledger import Entry
from crmkit.core.migrating.carrying import note_changes

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["redefine"]


def redefine(
    crm: CRM,
    connection: Connection,
    entity: str,
    kind: str,
    changes: Mapping[Any, Mapping[str, tuple[Any, Any]]],
    cause: str,
) -> None:
    """Write *changes*, by the id of the definition old and new value of each field, as one write of *kind* each."""
    table, now = crm.schema.tables[entity.replace(".", "_")], crm.clock.now()
    entries = []
    for id_, changed in changes.items():
        written = {name: new for name, (_old, new) in changed.items()}
        mine = sa.update(table).where(table.c.id == id_)
        connection.execute(mine.values(**written, version=table.c.version + 1, updated_at=now))
        entries.append(Entry(entity, id_, kind, dict(changed), cause, 0))
    note_changes(crm, connection, entries)
    crm.model.epochs.raise_definitions(connection)
