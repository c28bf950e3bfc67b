"""Sharing one record with a user or a team that would not see it otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from crmkit.core.entity import Record, entity_info
from crmkit.core.errors import FieldProblem, ForbiddenError, NotFoundError, ValidationError
from crmkit.core.fields import Target
from crmkit.core.ids import new_id
from crmkit.core.policy.people import Share, Team, User
from crmkit.core.text import gettext as _
from crmkit.core.writing.changes import Write, creation

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["share", "unshare"]


def share(writer: Writer, record: Record, user: UUID | None, team: UUID | None, level: str) -> Share:
    """Share *record*, or change the level of what is shared already, and return the share as it was asked for.

    Raises:
        ValidationError: not exactly one of *user* and *team* is given, or the principal does not see them.
        ForbiddenError: the principal may not share the record; or may not update it, and the share lets somebody write
            or did so until now.
    """
    _check_may_share(writer, record, level)
    existing = _shares_of(writer, record, user, team)
    _check_may_take(writer, record, existing)
    _check_holder(writer, user, team)
    target = Target(entity_info(type(record)).id, record.id)
    id_ = existing[0].id if existing else new_id()
    asked = Share(id=id_, record=target, user_id=user, team_id=team, level=level)
    if existing:
        writer.take(Write("update", entity_info(Share), id_, {"level": level}, trusted=True))
    else:
        writer.take(creation(asked, trusted=True))
    return asked


def unshare(writer: Writer, record: Record, user: UUID | None, team: UUID | None) -> int:
    """End the shares of *record* with *user* or *team* and return how many there were.

    Raises:
        ForbiddenError: the principal may not share the record; or may not update it, and a share lets somebody write.
    """
    _check_may_share(writer, record, "read")
    found = _shares_of(writer, record, user, team)
    _check_may_take(writer, record, found)
    writer.take(*(Write("delete", entity_info(Share), made.id, {}, trusted=True) for made in found))
    return len(found)


def _check_may_share(writer: Writer, record: Record, level: str) -> None:
    info = entity_info(type(record))
    if not writer.may("read", record):
        raise NotFoundError(info.id, record.id)
    for verb in ("share", "update") if level == "write" else ("share",):
        if not writer.may(verb, record):
            raise ForbiddenError(info.id, verb, record.id)


def _check_may_take(writer: Writer, record: Record, shares: Sequence[Share]) -> None:
    """Return if the principal may change or end *shares*: the right to write is taken by those who may give it."""
    if any(share.level == "write" for share in shares) and not writer.may("update", record):
        raise ForbiddenError(entity_info(type(record)).id, "update", record.id)


def _check_holder(writer: Writer, user: UUID | None, team: UUID | None) -> None:
    if (user is None) == (team is None):
        problem = FieldProblem("user_id", _("share with one user or with one team"), "required")
        raise ValidationError("core.share", [problem])
    # The write itself is trusted, so nobody else asks whether the principal sees them.
    entity, field, holder = (entity_info(User), "user_id", user) if user else (entity_info(Team), "team_id", team)
    if holder is not None and not writer.visible_ids(entity, [holder]):
        facts = {"entity": entity.id, "reference": str(holder)}
        raise ValidationError(
            "core.share", [FieldProblem(field, _("there is no {entity} {reference}"), "reference", **facts)]
        )


def _shares_of(writer: Writer, record: Record, user: UUID | None, team: UUID | None) -> list[Share]:
    target = Target(entity_info(type(record)).id, record.id)
    return writer.trusted.find(
        Share, (Share.f.record == target) & (Share.f.user_id == user) & (Share.f.team_id == team)
    )
