"""A new contact, who may be known already, held against all contacts that a salesperson sees."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from benchmarks.figures import Figure, taking_turns
from benchmarks.harness import Comparison
from benchmarks.world.customers import Customers, with_customers
from benchmarks.world.opening import World
from crmkit.plugins.customers.entities import Contact
from crmkit.plugins.customers.matching import LIKELY, MATCHERS, compare
from crmkit.plugins.customers.services import find_duplicates

__all__ = ["figures"]

_SOME, _PAGE = 200, 5000
_ENTITY = "customers.contact"
_MATCHER = next(matcher for matcher in MATCHERS if matcher.id == _ENTITY)
_COMPARED = ("name", "email", "phone", "mobile", "company_id", "postal_code", "city")


def figures(world: World) -> Iterator[Figure]:
    """Yield the figure; its customers and their keys are loaded when it is measured."""
    yield Figure("duplicates", "salesperson, a new contact", lambda: _measured(world), most_ms=10)


def _measured(world: World) -> Comparison:
    with with_customers(world) as customers:
        _make_keys(customers)
        crm, principal = customers.crm, world.principal(customers.member)
        with crm.read(principal) as db:
            known = list(db.get_many(Contact, customers.some(_SOME)).values())
        drafts = [Contact(name=f"{each.name}s", email=each.email, company_id=each.company_id) for each in known]
        mine, theirs = cycle(drafts), cycle(drafts)

        def ours() -> Any:
            with crm.read(principal) as db:
                return [(each.record.id, each.score) for each in find_duplicates(db, next(mine)).found]

        return taking_turns(ours, lambda: _by_hand(customers, next(theirs)), lambda one, other: one == other != [])()


def _make_keys(customers: Customers) -> None:
    """Keep the keys of all contacts, which were loaded past crmkit."""
    crm = customers.crm
    table, kept = crm.schema.tables["customers_contact"], crm.schema.system.match_key
    with crm.storage.writing() as connection:
        everybody = iter(connection.execute(sa.select(table.c.id, *(table.c[name] for name in _COMPARED))).all())
        while page := list(islice(everybody, _PAGE)):
            rows = [
                {"entity": _ENTITY, "key": key, "record_id": row.id}
                for row in page
                for key in _MATCHER.of(row._mapping)
            ]
            connection.execute(sa.insert(kept), rows)


def _by_hand(customers: Customers, draft: Contact) -> list[tuple[UUID, int]]:
    """Return the likely contacts and their points, by one statement with the same rights."""
    table, kept = customers.crm.schema.tables["customers_contact"], customers.crm.schema.system.match_key
    member, values = customers.member, {name: getattr(draft, name) for name in _COMPARED}
    keys = sa.select(kept.c.record_id).where(kept.c.entity == _ENTITY, kept.c.key.in_(sorted(_MATCHER.of(values))))
    mine = sa.or_(table.c.owner_id == member.id, table.c.team_id == member.team)
    asked = sa.select(table).where(table.c.id.in_(keys), table.c.deleted_at.is_(None), mine)
    with customers.crm.storage.reading() as connection:
        found = connection.execute(asked).all()
    points = [(row.id, min(100, sum(a.points for a in compare(_ENTITY, values, row._mapping)))) for row in found]
    likely = [(id_, score) for id_, score in points if score >= LIKELY]
    return sorted(likely, key=lambda each: (-each[1], each[0]))
