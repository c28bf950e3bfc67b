"""Who is likely the same as one record, while somebody enters it."""

from __future__ import annotations

from typing import Any

import attrs

from crmkit import Reader, Record

from .. import matching
from ..entities import Contact
from .deciding import told_apart

__all__ = ["Duplicate", "Duplicates", "find_duplicates", "same_person", "values_of"]


def same_person(db: Reader, contact: Contact) -> list[Contact]:
    """Return the other contacts that share an e-mail address or a phone number with *contact*, as the reader sees them.

    They may be the same person entered twice, or two who share a desk: it is for people to judge.
    """
    readable, rules = db.readable_fields(Contact), []
    if "email" in readable and contact.email:
        rules.append(Contact.f.email.lower() == contact.email.casefold())
    phones = [name for name in ("phone", "mobile") if name in readable]
    numbers = [number for name in phones if (number := getattr(contact, name))]
    if numbers:
        rules += [Contact.f[name].in_(numbers) for name in phones]
    if not rules:
        return []
    either = rules[0]
    for rule in rules[1:]:
        either |= rule
    return db.find(Contact, either & (Contact.f.id != contact.id), order_by="name")


@attrs.frozen
class Duplicate:
    """A record that may be the same as another: the points for it, of 100, and in which fields the two agree."""

    record: Record
    score: int
    agreements: tuple[matching.Agreement, ...]


@attrs.frozen
class Duplicates:
    """The records that may be the same, the likeliest first, and whether there is one that the reader may not see."""

    found: tuple[Duplicate, ...]
    is_hidden_one: bool


def find_duplicates(db: Reader, record: Record, least: int = matching.LIKELY) -> Duplicates:
    """Return who is likely the same as *record*, a company or contact, stored or not, with at least *least* points.

    It reads a constant number of statements, and only what the reader may see. That somebody hidden has the same
    e-mail address, telephone or tax number is told to those who are granted ``see_duplicates`` on that record.
    Those that somebody decided not to be the same are left out.
    """
    matches = db.matches(record)
    apart = told_apart(db, record) if matches.records else set()
    found = [_compared(record, other) for other in matches.records if {record.id, other.id} not in apart]
    likely = sorted((each for each in found if each.score >= least), key=lambda each: (-each.score, each.record.id))
    return Duplicates(tuple(likely), matches.is_hidden_one)


def _compared(record: Record, other: Record) -> Duplicate:
    agreements = matching.compare(record.__entity__.id, values_of(record), values_of(other))
    return Duplicate(other, matching.score(agreements), tuple(agreements))


def values_of(record: Record) -> dict[str, Any]:
    """Return the values of *record* that its reader may see, and ``None`` for the others."""
    return {name: getattr(record, name, None) for name in record.__entity__.fields}
