"""What deleting a record does to those that refer to it: refuse, empty the reference, or delete them too.

What goes or is emptied needs no grant of its own, but it must be visible and no restriction may forbid it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crmkit.core.entity import EntityInfo, FieldInfo
from crmkit.core.errors import ConflictError
from crmkit.core.fields import Reference
from crmkit.core.storage.batches import id_parameters
from crmkit.core.storage.locks import locked
from crmkit.core.writing.changes import VERB_OF, Write, grouped

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["check_taken_along", "dependent_writes"]


def dependent_writes(writer: Writer, writes: Sequence[Write]) -> list[Write]:
    """Return the writes that the deletions among *writes* bring with them.

    Raises:
        ConflictError: a record still refers to a deleted one and its field says ``restrict``, or the principal does
            not see it. The words do not tell which.
    """
    found: list[Write] = []
    asked = _first_deleted(writes)
    seen = {w.key for w in writes if w.kind == "delete"}
    todo = [w for w in writes if w.kind == "delete"]
    while todo:
        by_entity: dict[str, list[UUID]] = {}
        for write in todo:
            by_entity.setdefault(write.entity.id, []).append(write.record_id)
        todo = [w for entity, ids in by_entity.items() for w in _dependents(writer, entity, ids, seen, asked)]
        seen |= {w.key for w in todo if w.kind == "delete"}
        found += todo
        todo = [w for w in todo if w.kind == "delete"]
    return _one_each(found)


def check_taken_along(writer: Writer, writes: Sequence[Write], taken: Sequence[Write]) -> None:
    """Refuse the deletions among *writes* if a restriction forbids one of the writes *taken* along by them.

    Raises:
        ConflictError: the words do not tell for which record.
    """
    for (entity, verb), group in grouped(taken, lambda w: (w.entity.id, VERB_OF[w.kind])):
        info, ids = writer.model.registry.entities[entity], [w.record_id for w in group]
        if set(ids) - writer.unrestricted_ids(info, verb, ids):
            raise ConflictError(_first_deleted(writes))


def _first_deleted(writes: Sequence[Write]) -> str:
    """Return the entity that a refusal names: the one of what was asked for, never that of what refers to it."""
    return next((w.entity.id for w in writes if w.kind == "delete"), "")


def _one_each(writes: Sequence[Write]) -> list[Write]:
    """Return one write for each record: it may refer twice to what goes, or go with one and be emptied of another."""
    kept: dict[tuple[str, UUID], Write] = {}
    for write in writes:
        known = kept.setdefault(write.key, write)
        if known.kind == "update" and write.kind == "delete":
            kept[write.key] = write
        elif known.kind == "update":
            known.values |= write.values
    return list(kept.values())


def _dependents(
    writer: Writer, entity: str, ids: Sequence[UUID], gone: set[tuple[str, UUID]], asked: str
) -> list[Write]:
    made: list[Write] = []
    for info, field in writer.model.registry.references_to(entity):
        if not isinstance(field.type, Reference):
            continue
        host = writer.model.registry.entities[info.host or info.id]
        referring = [id_ for id_ in _referring(writer, info, field, ids) if (host.id, id_) not in gone]
        if not referring:
            continue
        if field.type.on_delete == "restrict" or set(referring) - writer.visible_ids(host, referring):
            raise ConflictError(asked)
        name = f"{info.extends_as}.{field.name}" if info.extends_as else field.name
        made += [_dependent(host, id_, field.type.on_delete, name, asked) for id_ in referring]
    return made


def _dependent(info: EntityInfo, record: UUID, on_delete: str, field: str, asked: str) -> Write:
    if on_delete == "cascade":
        return Write("delete", info, record, {}, trusted=True, depth=1, goes_with=asked)
    return Write("update", info, record, {field: None}, trusted=True, depth=1, goes_with=asked)


def _referring(writer: Writer, info: EntityInfo, field: FieldInfo, ids: Sequence[UUID]) -> list[UUID]:
    """Return the ids of the records, not deleted, whose *field* points at one of *ids*, oldest first."""
    statement = partial(_of_referring, writer, info, field)
    return sorted(writer.trusted.ids_by_ids(("referring", info.table, field.name), statement, ids))


def _of_referring(writer: Writer, info: EntityInfo, field: FieldInfo, number: int) -> sa.Select[Any]:
    table = writer.model.schema.table(info)
    host = writer.model.schema.table(writer.model.registry.entities[info.host or info.id])
    statement = sa.select(host.c.id)
    if info.host is not None:
        statement = statement.join(table, table.c.record_id == host.c.id)
    statement = statement.where(host.c.deleted_at.is_(None), table.c[field.name].in_(id_parameters(number)))
    on_delete = field.type.on_delete if isinstance(field.type, Reference) else "restrict"
    if on_delete == "restrict":
        return statement
    # Held before anything is looked for that refers to them in turn.
    return locked(statement, host, writer.model.storage.dialect.name, "delete" if on_delete == "cascade" else "change")
