"""Who is told when a task, a record, a comment or a win comes about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from crmkit import (
    Event,
    Membership,
    Principal,
    Reader,
    Target,
    UnknownEntityError,
    User,
    WorkContext,
)

from ..entities import Attendance, Comment, Notification
from .following import followers_of
from .mentions import mentions
from .notifications import notify, who_wants

__all__ = ["tell_of_comment", "tell_of_invitation", "tell_of_transfer", "tell_of_win", "tell_owner_of_task"]

_PLUGIN = "workspace."
# Whoever mentions more people in one comment wants a meeting.
_MOST = 50
# A rule lists at most a thousand values.
_AT_ONCE = 500


def tell_owner_of_task(context: WorkContext, event: Event) -> None:
    """Tell the owner of a task that somebody else has given it to them."""
    _tell_owner(context, event, "task_assigned")


def tell_of_transfer(context: WorkContext, event: Event) -> None:
    """Tell the owner of a record that somebody else has given it to them; tasks are told of as such."""
    if not event.entity.startswith(_PLUGIN):
        _tell_owner(context, event, "record_transferred")


def _tell_owner(context: WorkContext, event: Event, kind: str) -> None:
    target = Target(event.entity, event.record_id)
    with context.read() as db:
        record = _record(db, target)
        owner = getattr(record, "owner_id", None)
    if owner is not None and owner != event.principal_id and _sees(context, owner, target):
        with context.finish() as writer:
            notify(writer, owner, kind, regarding=target, by=event.principal_id)


def tell_of_invitation(context: WorkContext, event: Event) -> None:
    """Tell a user that somebody has invited them to a meeting."""
    with context.read() as db:
        attendance = db.get_many(Attendance, [event.record_id]).get(event.record_id)
    if attendance is None or attendance.attendee.entity != "core.user":
        return
    user, target = attendance.attendee.id, Target("workspace.meeting", attendance.meeting_id)
    if user != event.principal_id and _sees(context, user, target):
        with context.finish() as writer:
            notify(writer, user, "meeting_invited", regarding=target, by=event.principal_id)


def tell_of_win(context: WorkContext, event: Event) -> None:
    """Tell those of a team who have asked for it that something of the team is won."""
    target = Target(event.entity, event.record_id)
    with context.read() as db:
        record = _record(db, target)
        team = getattr(record, "team_id", None)
        if team is None or getattr(record, "stage_kind", None) != "won":
            return
        people = who_wants(db, "won", _team(db, team)[:_AT_ONCE])
    told = [user for user in people if _sees(context, user, target)]
    with context.finish() as writer:
        for user in told:
            notify(writer, user, "won", regarding=target, by=event.principal_id)


def _team(db: Reader, team: UUID) -> list[UUID]:
    home = [user.id for user in db.find(User, (User.f.team_id == team) & User.f.is_active)]
    return [*home, *(each.user_id for each in db.find(Membership, Membership.f.team_id == team))]


def tell_of_comment(context: WorkContext, event: Event) -> None:
    """Tell whom a comment mentions, once for each comment, and of a new one the owner and the followers.

    Mentioned is whom its author may see. Of those who may not see the record nobody is told anything; the author is
    told of them who may share the record, and so may know.
    """
    with context.read() as db:
        comment = db.get_many(Comment, [event.record_id]).get(event.record_id)
        if comment is None or comment.owner_id is None:
            return
        author, target = comment.owner_id, comment.regarding
        record = _record(db, target)
        owner: UUID | None = getattr(record, "owner_id", None)
        interested = {*followers_of(db, target), *([owner] if owner else [])}
        known = _mentioned_before(db, comment)
        person = db.get_many(User, [author]).get(author)
    if record is None or person is None or not person.is_active:
        return
    mentioned, may_know = _mentioned(context, person, comment, record)
    fresh = [user for user in mentioned if user not in known]
    seeing = {user for user in fresh if _sees(context, user, target)}
    others = (interested - {author, *mentioned}) if event.kind == "create" else set()
    told = [user for user in sorted(others) if _sees(context, user, target)]
    with context.finish() as writer:
        for user in fresh:
            if user in seeing:
                notify(writer, user, "mention", regarding=target, comment=Target.of(comment), by=author)
            elif may_know:
                notify(writer, author, "mention_missed", regarding=target, comment=Target.of(comment), by=user)
        for user in told:
            notify(writer, user, "comment_made", regarding=target, comment=Target.of(comment), by=author)


def _mentioned(context: WorkContext, author: User, comment: Comment, record: Any) -> tuple[list[UUID], bool]:
    """Return whom *author* mentions, and whether they may know who sees *record*."""
    with context.read(Principal(author.id, author.name)) as db:
        users = dict.fromkeys(mention.user.id for mention in mentions(db, comment.body) if mention.user)
        return [user for user in users if user != author.id][:_MOST], db.may("share", record)


def _mentioned_before(db: Reader, comment: Comment) -> set[UUID]:
    """Return whom this comment has mentioned already, those counted who have thrown the notification away."""
    rule = (Notification.f.comment == Target.of(comment)) & (Notification.f.kind == "mention")
    return {each.recipient_id for deleted in (False, True) for each in db.find(Notification, rule, deleted=deleted)}


def _record(db: Reader, target: Target) -> Any:
    return next(iter(_found(db, target)), None)


def _found(db: Reader, target: Target) -> Iterable[Any]:
    try:
        return db.get_many(db.entity(target.entity), [target.id]).values()
    except UnknownEntityError:
        return ()


def _sees(context: WorkContext, user: UUID, target: Target) -> bool:
    with context.read() as db:
        person = db.get_many(User, [user]).get(user)
    if person is None or not person.is_active:
        return False
    with context.read(Principal(person.id, person.name)) as theirs:
        return bool(_found(theirs, target))
