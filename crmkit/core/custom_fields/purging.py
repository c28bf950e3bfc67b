"""Taking away for good what a removed custom field left behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crmkit.core.custom_fields.entity import CustomField
from crmkit.core.errors import NotFoundError

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["purge_field", "slots_of"]


def purge_field(writer: Writer, field: UUID) -> int:
    """Remove the parked values of a removed *field* from all records, and return from how many.

    Afterwards the field cannot be restored. What the ledger tells of it stays until a record is erased.

    Raises:
        NotFoundError: there is no such field in the bin that the principal may delete.
    """
    # The bin shows what somebody may delete.
    found = next((each for each in writer.find(CustomField, deleted=True) if each.id == field), None)
    if found is None or found.purged_at is not None:
        raise NotFoundError("core.custom_field", field)
    info = writer.model.registry.entities.get(found.entity)
    removed = 0
    if info is not None:
        table = writer.model.schema.table(info)
        removed = max(_remove(writer, table, slot) for slot in slots_of(found.slot, found.former))
    mine = writer.model.schema.tables["core_custom_field"]
    writer.connection.execute(sa.update(mine).where(mine.c.id == field).values(purged_at=writer.now))
    return removed


def slots_of(slot: str, former: Sequence[str] | None) -> tuple[str, ...]:
    """Return where a field keeps its values and where it kept them; other *former* names are those in the ledger."""
    return (slot, *(name for name in former or () if "." not in name))


def _remove(writer: Writer, table: sa.Table, slot: str) -> int:
    """Remove what records keep in *slot*, in place: nobody sees it, and whoever changes a record now has locked it."""
    if writer.model.storage.is_sqlite:
        sql = f"UPDATE {table.name} SET custom = json_remove(custom, :path) WHERE json_type(custom, :path) IS NOT NULL"
        return writer.connection.execute(sa.text(sql), {"path": f"$.{slot}"}).rowcount
    sql = f"UPDATE {table.name} SET custom = custom - :slot WHERE custom ->> :slot IS NOT NULL"
    return writer.connection.execute(sa.text(sql), {"slot": slot}).rowcount
