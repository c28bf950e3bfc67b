"""Who wants to know what is said about a record that is not theirs."""

from __future__ import annotations

from uuid import UUID

from crmkit import ForbiddenError, Reader, Record, Target, Writer

from ..entities import Following

__all__ = ["follow", "followers_of", "is_following", "unfollow"]


def follow(db: Writer, record: Record) -> Following:
    """Have the writer told of what is said about *record*, and return that; who follows already goes on to.

    Raises:
        ForbiddenError: the writer is nobody who could be told, or may not follow.
    """
    me = db.moment.me
    if me is None:
        raise ForbiddenError("workspace.following", "create", "*")
    return next(iter(_mine(db, record)), None) or db.create(Following(user_id=me, record=Target.of(record)))


def unfollow(db: Writer, record: Record) -> None:
    """Have the writer not told of what is said about *record* any more."""
    db.delete_many(_mine(db, record))


def is_following(db: Reader, record: Record) -> bool:
    """Return whether the reader follows *record*."""
    return bool(_mine(db, record))


def followers_of(db: Reader, target: Target) -> list[UUID]:
    """Return the users who follow *target*, as far as the reader sees that they do."""
    return [each.user_id for each in db.find(Following, Following.f.record == target, order_by="id")]


def _mine(db: Reader, record: Record) -> list[Following]:
    return db.find(Following, (Following.f.user_id == db.moment.me) & (Following.f.record == Target.of(record)))
