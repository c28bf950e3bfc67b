"""Conversations: kept, read, and refused before they have taken place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from crmkit import Problem, Reader, Record, Target, Write, WriteContext, Writer, translator

from ..entities import Contact, Interaction, Participant

__all__ = ["CLOCKS_DIFFER", "check_interactions", "interactions_of", "interactions_with", "log_interaction"]

# Texts belong to the plugin.
_ = translator(__package__.rpartition(".")[0])

# The clock of whoever writes may be a little ahead.
CLOCKS_DIFFER = timedelta(minutes=5)


def log_interaction(
    db: Writer,
    kind: str,
    subject: str,
    *,
    regarding: Record | None = None,
    participants: Iterable[Contact] = (),
    started_at: datetime | None = None,
    direction: str | None = None,
    minutes: int | None = None,
    body: str | None = None,
) -> Interaction:
    """Keep that a conversation took place, now unless *started_at* says otherwise, and return it.

    Without *regarding* it is about the first of *participants*.
    """
    people = list(participants)
    about = regarding or next(iter(people), None)
    made = db.create(
        Interaction(
            kind=kind,
            subject=subject,
            body=body,
            direction=direction,
            started_at=started_at or db.moment.now,
            minutes=minutes,
            regarding=None if about is None else Target.of(about),
        )
    )
    db.create_many([Participant(interaction_id=made.id, contact_id=person.id) for person in people])
    return made


def interactions_of(db: Reader, record: Record) -> list[Interaction]:
    """Return the interactions about *record*, the latest first."""
    return db.find(Interaction, Interaction.f.regarding == Target.of(record), order_by="-started_at")


def interactions_with(db: Reader, contact: Contact) -> list[Interaction]:
    """Return the interactions about *contact* and those that the contact took part in, the latest first."""
    parts = db.find(Participant, Participant.f.contact_id == contact.id)
    found = db.get_many(Interaction, [part.interaction_id for part in parts])
    found |= {interaction.id: interaction for interaction in interactions_of(db, contact)}
    return sorted(found.values(), key=lambda interaction: interaction.started_at, reverse=True)


def check_interactions(context: WriteContext, writes: Sequence[Write]) -> list[Problem]:
    """Return a problem for each interaction among *writes* that would not have begun yet: what is to come is a task."""
    message = _("an interaction has taken place; what is still to come is a task")
    return [
        Problem(message, place, "started_at")
        for place, write in enumerate(writes)
        if write.entity.id == "customers.interaction"
        and write.changes("started_at")
        and write.get("started_at") > context.now + CLOCKS_DIFFER
    ]
