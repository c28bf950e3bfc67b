"""What people are told of what others do: each once, as far as they want it, and never in floods."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from crmkit import ForbiddenError, Reader, Target, User, Writer

from ..entities import Notification, NotificationPreference

__all__ = ["mark_read", "notify", "prefer", "unread", "wants", "who_wants"]

#: What somebody is told of only if they ask for it.
ON_REQUEST = frozenset({"won"})
#: What somebody has asked for one by one is no flood.
ASKED_FOR = frozenset({"reminder"})
#: The same about the same record counts once within this time, unless it was read meanwhile.
SAME = timedelta(minutes=5)
#: So many of one kind are told within an hour; what is more is counted on the last of them.
MOST, WITHIN = 20, timedelta(hours=1)


def notify(
    db: Writer,
    user: UUID,
    kind: str,
    *,
    regarding: Target | None = None,
    comment: Target | None = None,
    by: UUID | None = None,
    note: str | None = None,
) -> Notification | None:
    """Tell *user* that something has happened and return the notification; ``None`` if they do not want to know.

    Nobody is told of what they did themselves. What was told minutes ago and is not read yet is told once; of a flood
    the last notification says how many more there were. It takes the system's writer, that of subscribers and jobs.

    Raises:
        ForbiddenError: the writer is not the system's.
    """
    person = db.get_many(User, [user]).get(user)
    if person is None or not person.is_active or user == by or not wants(db, user, kind):
        return None
    # Two workers that tell the same person would otherwise not see what the other writes.
    db.hold([person])
    new = Notification(recipient_id=user, kind=kind, regarding=regarding, comment=comment, by_id=by, note=note)
    recent = _recent(db, user, kind)
    same = [old for old in recent if _is_same(old, new) and old.created_at >= db.now - SAME]
    if same:
        return db.update(same[0], by_id=by, comment=comment)
    if len(recent) >= MOST and kind not in ASKED_FOR:
        return db.update(recent[0], more=recent[0].more + 1)
    return db.create(new)


def _recent(db: Reader, user: UUID, kind: str) -> list[Notification]:
    mine = (Notification.f.recipient_id == user) & (Notification.f.kind == kind) & Notification.f.read_at.is_null()
    return db.find(
        Notification, mine & (Notification.f.created_at >= db.moment.now - WITHIN), order_by="-id", limit=MOST
    )


def _is_same(old: Notification, new: Notification) -> bool:
    # Each comment mentions for itself.
    one, other = ((each.regarding, each.note, each.comment if each.kind == "mention" else None) for each in (old, new))
    return one == other


def unread(db: Reader, *, limit: int = 50) -> list[Notification]:
    """Return what the reader was told and has not read, the newest first."""
    mine = (Notification.f.recipient_id == db.moment.me) & Notification.f.read_at.is_null()
    return db.find(Notification, mine, order_by="-id", limit=limit)


def mark_read(db: Writer, notifications: Iterable[Notification]) -> list[Notification]:
    """Mark *notifications* as read and return them."""
    return db.update_many([(each, {"read_at": db.now}) for each in notifications if each.read_at is None])


def prefer(db: Writer, kind: str, is_wanted: bool) -> NotificationPreference:
    """Say whether the writer wants notifications of *kind* from now on, and return that.

    Raises:
        ForbiddenError: the writer is nobody who could be told, or may not prefer.
    """
    me = db.moment.me
    if me is None:
        raise ForbiddenError("workspace.notification_preference", "create", "*")
    for chosen in _preferences(db, [me], kind):
        return db.update(chosen, is_wanted=is_wanted)
    return db.create(NotificationPreference(recipient_id=me, kind=kind, is_wanted=is_wanted))


def wants(db: Reader, user: UUID, kind: str) -> bool:
    """Return whether *user* wants notifications of *kind*, as far as the reader sees what they prefer."""
    chosen = _preferences(db, [user], kind)
    return chosen[0].is_wanted if chosen else kind not in ON_REQUEST


def who_wants(db: Reader, kind: str, users: Sequence[UUID]) -> list[UUID]:
    """Return who of *users* has asked for notifications of *kind*."""
    return [chosen.recipient_id for chosen in _preferences(db, users, kind) if chosen.is_wanted]


def _preferences(db: Reader, users: Sequence[UUID], kind: str) -> list[NotificationPreference]:
    f = NotificationPreference.f
    return db.find(NotificationPreference, (f.recipient_id.in_(users)) & (f.kind == kind), order_by="id")
