"""Sharing records with a user or a team that would not see them otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

import attrs
import sqlalchemy as sa

from crmkit.core.entity import EntityInfo, Record, entity_info
from crmkit.core.errors import FieldProblem, ForbiddenError, InapplicableVerbError, NotFoundError, ValidationError
from crmkit.core.fields import AnyReference, Target
from crmkit.core.ids import new_id
from crmkit.core.policy.people import Share, Team, User
from crmkit.core.registry import Registry
from crmkit.core.storage.batches import id_parameters
from crmkit.core.text import gettext as _
from crmkit.core.writing.changes import Write, creation, grouped

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["Holder", "is_shared", "share", "unshare"]


@attrs.frozen
class Holder:
    """With whom something is shared: one user or one team."""

    user: UUID | None
    team: UUID | None


def share(
    writer: Writer, records: Sequence[Record], holder: Holder, level: str, until: datetime | None = None
) -> list[Share]:
    """Share *records*, or change the level and the end of what is shared already, and return the shares as asked for.

    Raises:
        ValidationError: not exactly one user or team is given, or the principal does not see them; or *until* is past.
        NotFoundError: the principal does not see a record.
        ForbiddenError: the principal may not share a record; or may not update it, and the share lets somebody write
            or does so now.
        InapplicableVerbError: it is seen with what it is about, and by nobody else.
    """
    existing = _shares_with(writer, records, holder)
    _check_may_share(writer, records, existing, level)
    _check_applies(writer, records)
    _check_holder(writer, holder)
    _check_end(writer, until)
    asked, writes = list[Share](), list[Write]()
    for record in records:
        target, known = Target.of(record), existing.get(Target.of(record))
        id_ = known.id if known else new_id()
        made = Share(id=id_, record=target, user_id=holder.user, team_id=holder.team, level=level, ends_at=until)
        change = {"level": level, "ends_at": until}
        writes.append(
            Write("update", entity_info(Share), id_, change, trusted=True) if known else creation(made, trusted=True)
        )
        asked.append(made)
    writer.take(*writes)
    return asked


def unshare(writer: Writer, records: Sequence[Record], holder: Holder) -> int:
    """End the shares of *records* with *holder* and return how many there were.

    Raises:
        NotFoundError: the principal does not see a record.
        ForbiddenError: the principal may not share a record; or may not update it, and a share lets somebody write.
    """
    found = _shares_with(writer, records, holder)
    _check_may_share(writer, records, found, "read")
    writer.take(*(Write("delete", entity_info(Share), made.id, {}, trusted=True) for made in found.values()))
    return sum(_counts(writer, made) for made in found.values())


def _check_may_share(writer: Writer, records: Sequence[Record], existing: dict[Target, Share], level: str) -> None:
    """Return if the principal may share *records* at *level*, and change what is shared of them now.

    The right to write is given and taken by those who have it.
    """
    writing = {t for t, made in existing.items() if made.level == "write" and _counts(writer, made)}
    for info, group in grouped(records, lambda record: entity_info(type(record))):
        ids = [record.id for record in group]
        allowed = {verb: writer.allowed_ids(info, verb, ids) for verb in ("read", "share", "update")}
        for record in group:
            if record.id not in allowed["read"]:
                raise NotFoundError(info.id, record.id)
            needs_update = level == "write" or Target.of(record) in writing
            for verb in ("share", "update") if needs_update else ("share",):
                if record.id not in allowed[verb]:
                    raise ForbiddenError(info.id, verb, record.id)


def is_shared(registry: Registry, info: EntityInfo) -> bool:
    """Return whether a share of a record of *info* would show it.

    What hangs on another record is hidden from who does not see that, whatever is shared.
    """
    kind = registry.entities[entity_info(Share).id].fields["record"].type
    assert isinstance(kind, AnyReference)
    return registry.is_target(kind, info.id)


def _check_applies(writer: Writer, records: Sequence[Record]) -> None:
    for record in records:
        info = entity_info(type(record))
        if not is_shared(writer.model.registry, info):
            reason = _("who sees the record that it is about sees it too; share that one")
            raise InapplicableVerbError(info.id, "share", reason)


def _counts(writer: Writer, share: Share) -> bool:
    """Return whether *share* has not come to its end."""
    return share.ends_at is None or share.ends_at > writer.now


def _check_holder(writer: Writer, holder: Holder) -> None:
    if (holder.user is None) == (holder.team is None):
        problem = FieldProblem("user_id", _("share with one user or with one team"), "required")
        raise ValidationError("core.share", [problem])
    # The write itself is trusted, so nobody else asks whether the principal sees them.
    entity, field, id_ = (User, "user_id", holder.user) if holder.user else (Team, "team_id", holder.team)
    info = entity_info(entity)
    if id_ is not None and not writer.visible_ids(info, [id_]):
        facts = {"entity": info.id, "reference": str(id_)}
        raise ValidationError(
            "core.share", [FieldProblem(field, _("there is no {entity} {reference}"), "reference", **facts)]
        )


def _check_end(writer: Writer, until: datetime | None) -> None:
    if isinstance(until, datetime) and until.tzinfo and until <= writer.now:
        raise ValidationError("core.share", [FieldProblem("ends_at", _("lies in the past"), "past")])


def _shares_with(writer: Writer, records: Sequence[Record], holder: Holder) -> dict[Target, Share]:
    """Return what is shared of *records* with *holder*, or was until it came to its end."""
    statement = partial(_on_records, writer.model.schema.tables["core_share"])
    ids = writer.trusted.ids_by_ids(("shares",), statement, [record.id for record in records])
    wanted = {Target.of(record) for record in records}
    found = {made.record: made for made in writer.trusted.get_many(Share, ids).values() if _is_with(made, holder)}
    return {target: made for target, made in found.items() if target in wanted}


def _is_with(share: Share, holder: Holder) -> bool:
    return (share.user_id, share.team_id) == (holder.user, holder.team)


def _on_records(share: sa.Table, number: int) -> sa.Select[tuple[UUID]]:
    return sa.select(share.c.id).where(share.c.record_id.in_(id_parameters(number)), share.c.deleted_at.is_(None))
