"""What deleting a record does to those that refer to it: refuse, empty the reference, or delete them too.

What goes or is emptied needs no grant of its own, but no restriction may forbid it, and it must be visible: all but
what a deleted user was known by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from crmkit.core.entity import EntityInfo
from crmkit.core.errors import ConflictError
from crmkit.core.fields import Reference
from crmkit.core.policy.kept import CREDENTIALS
from crmkit.core.storage.locks import Purpose
from crmkit.core.writing.changes import VERB_OF, Write, grouped
from crmkit.core.writing.referring import host_of, qualified, referring

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["check_taken_along", "dependent_writes"]


_HELD_FOR: Mapping[str, Purpose | None] = {"restrict": None, "cascade": "delete", "clear": "change"}


def dependent_writes(writer: Writer, writes: Sequence[Write]) -> list[Write]:
    """Return the writes that the deletions among *writes* bring with them.

    Raises:
        ConflictError: a record still refers to a deleted one and its field says ``restrict``, or the principal does
            not see it. The words do not tell which.
    """
    found: list[Write] = []
    asked = _first_deleted(writes)
    seen = {w.key for w in writes if w.kind == "delete"}
    # What refers to a merged record follows it to the winner.
    todo = [w for w in writes if w.kind == "delete" and not w.details.get("merged")]
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
        host, on_delete = host_of(writer, info), field.type.on_delete
        # Held before anything is looked for that refers to them in turn.
        found = referring(writer, entity, info, field, ids, _HELD_FOR[on_delete])
        found = [id_ for id_ in found if (host.id, id_) not in gone]
        if not found:
            continue
        goes_unseen = host.id in CREDENTIALS
        if on_delete == "restrict" or (not goes_unseen and set(found) - writer.visible_ids(host, found)):
            raise ConflictError(asked)
        made += [_dependent(host, id_, on_delete, qualified(info, field), asked) for id_ in found]
    return made


def _dependent(info: EntityInfo, record: UUID, on_delete: str, field: str, asked: str) -> Write:
    if on_delete == "cascade":
        return Write("delete", info, record, {}, trusted=True, depth=1, goes_with=asked)
    return Write("update", info, record, {field: None}, trusted=True, depth=1, goes_with=asked)
