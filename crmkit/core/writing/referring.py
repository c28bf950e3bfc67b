"""Finding what refers to records, with trusted eyes: nothing it returns is for a caller as it is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crmkit.core.entity import EntityInfo, FieldInfo
from crmkit.core.fields import AnyReference
from crmkit.core.storage.batches import id_parameters
from crmkit.core.storage.custom import column_in
from crmkit.core.storage.locks import Purpose, locked
from crmkit.core.storage.schema import column_names

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["host_of", "qualified", "referring"]


def host_of(writer: Writer, info: EntityInfo) -> EntityInfo:
    """Return the entity whose records have the fields of *info*: itself, or what it extends."""
    return writer.model.registry.entities[info.host or info.id]


def qualified(info: EntityInfo, field: FieldInfo) -> str:
    """Return the name of *field* in a write of its record."""
    return f"{info.extends_as}.{field.name}" if info.extends_as else field.name


def referring(
    writer: Writer, entity: str, info: EntityInfo, field: FieldInfo, ids: Sequence[UUID], purpose: Purpose | None
) -> list[UUID]:
    """Return the ids of the records, not deleted, whose *field* points at one of *ids* of *entity*, oldest first.

    They are held for *purpose* until the transaction ends.
    """
    statement = partial(_of_referring, writer, entity, info, field, purpose)
    key = ("referring", entity, info.table, *column_names(field), purpose)
    return sorted(writer.trusted.ids_by_ids(key, statement, ids))


def _of_referring(
    writer: Writer, entity: str, info: EntityInfo, field: FieldInfo, purpose: Purpose | None, number: int
) -> sa.Select[Any]:
    table, host = writer.model.schema.table(info), writer.model.schema.table(host_of(writer, info))
    statement = sa.select(host.c.id)
    if info.host is not None:
        statement = statement.join(table, table.c.record_id == host.c.id)
    if isinstance(field.type, AnyReference):
        statement = statement.where(table.c[f"{field.name}_entity"] == entity)
        column: Any = table.c[f"{field.name}_id"]
    else:
        column = column_in(table.c, column_names(field)[0], field.type.columns()[-1])
    statement = statement.where(host.c.deleted_at.is_(None), column.in_(id_parameters(number)))
    return statement if purpose is None else locked(statement, host, writer.model.storage.dialect.name, purpose)
