"""Who is likely entered twice."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import Any
from uuid import UUID

import attrs

from crmkit import Reader, Record

from .. import matching
from ..entities import Contact
from .deciding import told_apart

__all__ = ["Duplicate", "Duplicates", "Pair", "clusters", "duplicate_pairs", "find_duplicates", "same_person"]

_MOST_IN_BLOCK = 50


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
    agreements = matching.compare(record.__entity__.id, _values(record), _values(other))
    return Duplicate(other, matching.score(agreements), tuple(agreements))


def _values(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name, None) for name in record.__entity__.fields}


@attrs.frozen
class Pair:
    """Two records that are likely the same, with the points for it and the fields in which they agree."""

    one: Record
    other: Record
    score: int
    agreements: tuple[matching.Agreement, ...]


def duplicate_pairs(db: Reader, entity: type[Record], least: int = matching.LIKELY) -> list[Pair]:
    """Return the pairs among all companies or contacts that the reader sees, the likeliest first.

    Only records that share a key are compared. A key that more than 50 records share tells nothing and is left out, and
    so are pairs that somebody decided not to be the same.
    """
    (matcher,) = (each for each in matching.MATCHERS if each.id == entity.__entity__.id)
    readable = db.readable_fields(entity)
    blocks: dict[str, list[int]] = {}
    records, values = list[Record](), list[dict[str, Any]]()
    for place, record in enumerate(db.stream(entity, order_by="id", size=5000)):
        records.append(record)
        values.append(_values(record))
        for key in matcher.of(values[-1], readable):
            blocks.setdefault(key, []).append(place)
    together = {pair for block in blocks.values() if len(block) <= _MOST_IN_BLOCK for pair in combinations(block, 2)}
    likely: list[Pair] = []
    apart = told_apart(db) if together else set()
    for one, other in together:
        if {records[one].id, records[other].id} in apart:
            continue
        agreements = matching.compare(matcher.id, values[one], values[other])
        if (points := matching.score(agreements)) >= least:
            likely.append(Pair(records[one], records[other], points, tuple(agreements)))
    return sorted(likely, key=lambda pair: (-pair.score, pair.one.id, pair.other.id))


def clusters(pairs: Iterable[Pair]) -> list[list[Record]]:
    """Return the groups of records that *pairs* connect, the largest first; in each the oldest first."""
    leader: dict[UUID, UUID] = {}
    records: dict[UUID, Record] = {}

    def find(id_: UUID) -> UUID:
        while leader.setdefault(id_, id_) != id_:
            leader[id_] = id_ = leader[leader[id_]]
        return id_

    for pair in pairs:
        records |= {pair.one.id: pair.one, pair.other.id: pair.other}
        first, second = sorted((find(pair.one.id), find(pair.other.id)))
        leader[second] = first
    groups: dict[UUID, list[Record]] = {}
    for id_ in sorted(records):
        groups.setdefault(find(id_), []).append(records[id_])
    return sorted(groups.values(), key=len, reverse=True)
