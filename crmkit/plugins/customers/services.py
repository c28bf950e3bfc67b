"""What people do with customers, and what keeps their records sound."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any
from uuid import UUID

import attrs
import sqlalchemy as sa

from crmkit import (
    Problem,
    Reader,
    Record,
    SectionList,
    Target,
    Timeline,
    UnknownFieldError,
    Write,
    WriteContext,
    Writer,
    translator,
)

from . import matching
from .entities import Company, Contact, Interaction, Participant

__all__ = [
    "Duplicate",
    "Duplicates",
    "Overview",
    "Pair",
    "check_interactions",
    "check_parents",
    "clusters",
    "contacts_of",
    "duplicate_pairs",
    "find_duplicates",
    "interactions_of",
    "interactions_with",
    "log_interaction",
    "overview",
    "same_person",
    "subsidiaries",
]

_ = translator(__package__)

_MOST_IN_BLOCK = 50
# The clock of whoever writes may be a little ahead.
_CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True)
class Overview:
    """A customer from all sides, as one principal sees it.

    *above* is the company of a contact, or the parent of a company. *sections* are what every plugin shows with the
    customer, *timeline* the newest of what happened.
    """

    record: Company | Contact
    above: Company | None
    sections: tuple[SectionList, ...]
    timeline: Timeline

    def section(self, id: str) -> SectionList | None:
        """Return the section with this id; ``None`` if it does not exist for the principal."""
        return next((found for found in self.sections if found.section.id == id), None)


def overview(db: Reader, customer: Company | Contact, *, events: int = 20) -> Overview:
    """Return *customer* from all sides, with the newest *events*, in as many statements however much there is.

    Further events are read with :meth:`crmkit.Reader.timeline` and the cursor of this one.

    Raises:
        NotFoundError: the customer is not visible.
    """
    record = db.get(type(customer), customer.id)
    relation = "parent" if isinstance(record, Company) else "company"
    is_known = f"{relation}_id" in db.readable_fields(type(record))
    above = next(iter(db.expand([record], relation).values()), None) if is_known else None
    return Overview(record, above, tuple(db.sections(record)), db.timeline(record, limit=events))


def contacts_of(db: Reader, company: Company) -> list[Contact]:
    """Return the contacts in *company* by name."""
    return db.find(Contact, Contact.f.company_id == company.id, order_by="name")


def subsidiaries(db: Reader, company: Company) -> list[Company]:
    """Return every company below *company*, those nearest to it first, then by name.

    Raises:
        UnknownFieldError: the reader may not know which companies stand above which.
    """
    below = db.get_many(Company, _ids_below(db, company))
    children: dict[UUID | None, list[Company]] = {}
    for child in sorted(below.values(), key=lambda child: (child.name, child.id)):
        children.setdefault(child.parent_id, []).append(child)
    found: list[Company] = []
    level = [company.id]
    while level:
        nearest = [child for parent in level for child in children.pop(parent, ())]
        found += sorted(nearest, key=lambda child: child.name)
        level = [child.id for child in nearest]
    return found


def _ids_below(db: Reader, company: Company) -> list[UUID]:
    if "parent_id" not in db.readable_fields(Company):
        raise UnknownFieldError("customers.company", "parent_id")
    companies = db.visible(Company).c
    tree = sa.select(companies.id).where(companies.parent_id == company.id).cte("below", recursive=True)
    # Not UNION ALL: each company once, even in a circle.
    tree = tree.union(sa.select(companies.id).join(tree, companies.parent_id == tree.c.id))
    return [row.id for row in db.execute(sa.select(tree.c.id))]


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
    """
    matches = db.matches(record)
    found = [_compared(record, other) for other in matches.records]
    likely = sorted((each for each in found if each.score >= least), key=lambda each: (-each.score, each.record.id))
    return Duplicates(tuple(likely), matches.is_hidden_one)


def _compared(record: Record, other: Record) -> Duplicate:
    agreements = matching.compare(record.__entity__.id, _values(record), _values(other))
    return Duplicate(other, _score(agreements), tuple(agreements))


def _score(agreements: Iterable[matching.Agreement]) -> int:
    return min(100, sum(each.points for each in agreements))


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

    Only records that share a key are compared. A key that more than 50 records share tells nothing and is left out.
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
    for one, other in together:
        agreements = matching.compare(matcher.id, values[one], values[other])
        if (score := _score(agreements)) >= least:
            likely.append(Pair(records[one], records[other], score, tuple(agreements)))
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


# What a write may not break.


def check_parents(context: WriteContext, writes: Sequence[Write]) -> list[Problem]:
    """Return a problem for each company that *writes* would make its own ancestor."""
    moved = {w.record_id: place for place, w in enumerate(writes) if _is_company(w) and w.changes("parent_id")}
    if not moved:
        return []
    parents = {w.record_id: w.get("parent_id") for w in writes if _is_company(w)}
    _add_ancestors(context, parents)
    message = _("a company cannot stand above itself")
    return [Problem(message, place, "parent_id") for company, place in moved.items() if _is_circle(company, parents)]


def _is_company(write: Write) -> bool:
    return write.entity.id == "customers.company"


def _add_ancestors(context: WriteContext, parents: dict[UUID, UUID | None]) -> None:
    """Complete *parents* with every company above those in it, one statement for each generation."""
    while unknown := {parent for parent in parents.values() if parent is not None} - parents.keys():
        found = context.trusted.get_many(Company, sorted(unknown))
        parents |= {id_: found[id_].parent_id if id_ in found else None for id_ in unknown}


def _is_circle(company: UUID, parents: Mapping[UUID, UUID | None]) -> bool:
    above, seen = parents.get(company), set[UUID]()
    while above is not None and above not in seen:
        if above == company:
            return True
        seen.add(above)
        above = parents.get(above)
    return False


def check_interactions(context: WriteContext, writes: Sequence[Write]) -> list[Problem]:
    """Return a problem for each interaction among *writes* that would not have begun yet: what is to come is a task."""
    message = _("an interaction has taken place; what is still to come is a task")
    return [
        Problem(message, place, "started_at")
        for place, write in enumerate(writes)
        if write.entity.id == "customers.interaction"
        and write.changes("started_at")
        and write.get("started_at") > context.now + _CLOCKS_DIFFER
    ]
