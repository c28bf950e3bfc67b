"""Whether the principal may do what is asked: before anything is said of values, by what is stored, and by what comes.

Grants decide by the stored row; of a new record, by the row that it will be. A restriction on ``update`` binds the row
before and after, so that nobody writes themselves out of it, nor others into it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crmkit.core.errors import ConflictError, ForbiddenError
from crmkit.core.policy.access import EntityAccess, VerbScope
from crmkit.core.policy.kept import KEPT_BY_CRMKIT
from crmkit.core.writing.changes import VERB_OF, Write, grouped

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["authorise", "check_rows_after", "refuse_forbidden"]


def refuse_forbidden(writer: Writer, writes: Sequence[Write]) -> None:
    """Refuse whoever may not do this to a stored record, or create none at all, before anything is said of values.

    Who may not delete a record is not told whether another one still refers to it, nor which fields are read-only.

    Raises:
        ForbiddenError: the first write that is not allowed.
    """
    for write in writes:
        anew = write.kind == "create" and not write.trusted
        allowed = writer.access.entity(write.entity).scope("create") if anew else write.allowed
        kept = write.entity.id in KEPT_BY_CRMKIT and not write.trusted and not writer.access.is_system
        if kept or not allowed:
            raise ForbiddenError(write.entity.id, VERB_OF[write.kind], write.record_id)


def authorise(writer: Writer, writes: Sequence[Write]) -> None:
    """Refuse new records that no grant allows, judged by the rows that they will be.

    Raises:
        ForbiddenError: the first one that is not allowed.
    """
    if writer.access.is_system:
        return
    for write in writes:
        entity = writer.access.entity(write.entity)
        if write.kind == "update" and (not write.trusted or write.goes_with):
            write.details["check_row"] = bool(entity.restrictions.get("update"))
        if (
            write.kind == "create"
            and not write.trusted
            and not _may_create(writer, write, entity, entity.scope("create"))
        ):
            raise ForbiddenError(write.entity.id, "create", write.record_id)


def _may_create(writer: Writer, write: Write, entity: EntityAccess, scope: VerbScope) -> bool:
    """Return whether a rung of the ladder allows the new row; rules and restrictions are left to the stored row."""
    if not scope:
        return False
    write.details["check_row"] = bool(entity.restrictions.get("create"))
    owner, team = write.values.get("owner_id"), write.values.get("team_id")
    if scope.level == "all":
        return True
    if scope.level is not None and (owner == writer.access.user_id or team in writer.access.team_ids(scope.level)):
        return True
    write.details["check_row"] = True
    return bool(scope.rules)


def check_rows_after(writer: Writer, writes: Sequence[Write]) -> None:
    """Ask the database whether rows, as they are now, lie within rules and restrictions; only those that need it.

    Raises:
        ForbiddenError: a record may not be what was made of it.
        ConflictError: the same, of a record that a deletion emptied of a reference.
    """
    judged = [w for w in writes if w.details.get("check_row")]
    for (entity, is_new), group in grouped(judged, lambda w: (w.entity.id, w.kind == "create")):
        info, ids = writer.model.registry.entities[entity], [w.record_id for w in group]
        allowed = writer.ids_where_allowed if is_new else writer.unrestricted_ids
        kept = allowed(info, "create" if is_new else "update", ids)
        for write in group:
            if write.record_id not in kept:
                raise _refusal(write)


def _refusal(write: Write) -> ConflictError | ForbiddenError:
    if write.goes_with:
        return ConflictError(write.goes_with)
    return ForbiddenError(write.entity.id, VERB_OF[write.kind], write.record_id)
