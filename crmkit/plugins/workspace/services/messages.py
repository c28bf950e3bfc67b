"""What automations tell people about a record, as far as they see it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal
from uuid import UUID

import attrs

from crmkit import (
    Assignment,
    Membership,
    NotFoundError,
    Reader,
    Record,
    Target,
    Team,
    Template,
    Told,
    User,
    WorkContext,
    Writer,
)

from .notifications import notify

__all__ = ["Message", "Messages", "deliver_messages", "tell"]

# So many are told by one automation at once; whoever wants to tell more writes a letter.
_MOST = 500
_LONGEST = 2000


@attrs.frozen
class Message:
    """What an automation tells, and whom: the record's owner, a user, the members of a team, the holders of a role.

    *who* names the user, the team or the role.
    """

    text: Template
    to: Literal["owner", "user", "team", "role"] = "owner"
    who: str | None = None


@attrs.frozen
class Messages:
    """What is told about one record, by user."""

    regarding: Target
    texts: dict[UUID, str]


def tell(db: Writer, record: Record, message: Message) -> Told:
    """Tell *message* to those of its recipients who see *record*, each in their language and with what they may read.

    It is told once the transaction has committed.

    Raises:
        NotFoundError: the writer sees no such user or team, or nobody has the role.
    """
    texts = dict(_texts(db, record, message, _recipients(db, record, message)))
    if texts:
        db.enqueue("workspace.deliver_messages", Messages(Target.of(record), texts))
    return Told(tuple(texts))


def _texts(db: Writer, record: Record, message: Message, users: Sequence[UUID]) -> Iterator[tuple[UUID, str]]:
    for user, theirs in db.readers_of(users):
        seen = theirs.get_many(type(record), [record.id]).get(record.id)
        if seen is not None:
            yield user, message.text.told_to(theirs, seen)[:_LONGEST]


def _recipients(db: Writer, record: Record, message: Message) -> list[UUID]:
    who = message.who or ""
    if message.to == "owner":
        owner: UUID | None = getattr(record, "owner_id", None)
        return [] if owner is None else [owner]
    if message.to == "user":
        return [_named(db, User, who).id]
    if message.to == "team":
        team = _named(db, Team, who).id
        home = [user.id for user in db.trusted.find(User, (User.f.team_id == team) & User.f.is_active)]
        further = [each.user_id for each in db.trusted.find(Membership, Membership.f.team_id == team)]
        return list(dict.fromkeys([*home, *further]))[:_MOST]
    held = db.trusted.find(Assignment, Assignment.f.role == who, limit=_MOST)
    if not held:
        raise NotFoundError("core.role", who)
    return [each.user_id for each in held]


def _named(db: Reader, entity: type[User | Team], who: str) -> User | Team:
    """Return the user or the team of this id, name or e-mail address, as far as the reader sees it."""
    try:
        found = list(db.get_many(entity, [UUID(who)]).values())
    except ValueError:
        found = [*db.find(entity, entity.f.name == who, limit=2)]
        if entity is User and not found:
            found = [*db.find(User, User.f.email == who, limit=2)]
    if len(found) != 1:
        raise NotFoundError(entity.__entity__.id, who)
    return found[0]


def deliver_messages(context: WorkContext, messages: Messages) -> None:
    """Notify everybody for whom there is a message, unless they do not see the record any more."""
    target = messages.regarding
    with context.finish() as db:
        for user, theirs in db.readers_of(messages.texts):
            if theirs.get_many(db.entity(target.entity), [target.id]):
                notify(db, user, "message", regarding=target, note=messages.texts[user])
