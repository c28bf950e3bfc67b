"""What a notification says, in the language of whoever reads it and of what they may read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from crmkit import Reader, Record, Target, User, translate, translator

from ..entities import Notification

__all__ = ["wording"]

# Texts belong to the plugin.
_ = translator(__package__.rpartition(".")[0])

_SAID = {
    "task_assigned": _("{who} has assigned {what} to you."),
    "record_transferred": _("{who} has given you {what}."),
    "comment_made": _("{who} has commented on {what}."),
    "mention": _("{who} has mentioned you in a comment on {what}."),
    "mention_missed": _("{who} was not told that you mentioned them: they may not see {what}."),
    "meeting_invited": _("{who} has invited you to {what}."),
    "reminder": _("Reminder of {what}."),
    "won": _("{who} has won {what}."),
    "message": _("{note}"),
}
_REMINDER_SAYING, _REMINDER_OF_NOTE = _("Reminder of {what}: {note}"), _("Reminder: {note}")
_SOMEBODY, _SOMETHING = _("Somebody"), _("a record")
_QUOTED, _MORE = _("{label} “{title}”"), _("And {more} more.")


def wording(db: Reader, notifications: Sequence[Notification]) -> list[str]:
    """Return a sentence for each of *notifications*, in the language of the reader.

    People and records are called as the reader may see them today. Costs one statement for all people, and one for
    each entity of which there are records.
    """
    people = db.get_many(User, {each.by_id for each in notifications if each.by_id})
    targets = _targets(db, notifications)
    return [_sentence(each, people, targets, db.access.locale) for each in notifications]


def _targets(db: Reader, notifications: Sequence[Notification]) -> dict[Target, Record]:
    ids: dict[str, list[UUID]] = {}
    for each in notifications:
        if each.regarding is not None:
            ids.setdefault(each.regarding.entity, []).append(each.regarding.id)
    found = [record for entity, some in ids.items() for record in db.get_many(db.entity(entity), some).values()]
    return {Target.of(record): record for record in found}


def _sentence(each: Notification, people: Mapping[UUID, User], targets: Mapping[Target, Record], locale: str) -> str:
    who = people.get(each.by_id) if each.by_id else None
    what = targets.get(each.regarding) if each.regarding else None
    facts = {
        "who": _shown(who, "name") or translate(_SOMEBODY, locale),
        "what": _called(what, locale) if what else translate(_SOMETHING, locale),
        "note": each.note or "",
    }
    said = translate(_template(each), locale).format_map(facts)
    return f"{said} {translate(_MORE, locale).format(more=each.more)}" if each.more else said


def _template(each: Notification) -> str:
    if each.kind == "reminder" and each.note:
        return _REMINDER_SAYING if each.regarding else _REMINDER_OF_NOTE
    return _SAID[each.kind]


def _called(record: Record, locale: str) -> str:
    label = translate(record.__entity__.label, locale)
    title = next((found for name in ("name", "title", "number") if (found := _shown(record, name))), None)
    return translate(_QUOTED, locale).format(label=label, title=title) if title else label


def _shown(record: Any, name: str) -> Any:
    # What is hidden raises as what does not exist.
    return getattr(record, name, None)
