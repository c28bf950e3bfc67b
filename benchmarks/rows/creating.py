"""One deal created, as somebody types it: all its rows, in a transaction of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import cycle
from random import Random

import sqlalchemy as sa

from benchmarks.figures import Figure, check_written
from benchmarks.handwritten.reading import Hand
from benchmarks.handwritten.writing import Desk, Offer
from benchmarks.harness import Comparison, compare
from benchmarks.witness import Witness
from benchmarks.world.opening import World
from benchmarks.world.people import Member
from benchmarks.world.records import SOURCES, WORDS
from benchmarks.world.trade.entities import Deal
from crmkit import Money

__all__ = ["deal_of", "figures", "offers"]


def figures(world: World) -> Iterator[Figure]:
    """Yield the figure of a creation."""
    hand, member = Hand(world), world.people.salesperson

    def measure() -> Comparison:
        ours, theirs = _create_with(world, member), Desk(hand, member).create
        some = offers(world)
        offer = next(some)
        check_written(Witness(world), lambda: ours(offer), lambda: theirs(offer))
        return compare(lambda: ours(next(some)), lambda: theirs(next(some)), patience=4)

    yield Figure("create", "salesperson, one deal", measure, most=3.0)


def _create_with(world: World, member: Member) -> Callable[[Offer], Deal]:
    """Return what creates a deal through crmkit."""
    crm, principal = world.crm, world.principal(member)

    def create(offer: Offer) -> Deal:
        with crm.write(principal) as db:
            return db.create(deal_of(offer))

    return create


def deal_of(offer: Offer) -> Deal:
    """Return *offer* as crmkit takes it."""
    return Deal(
        name=offer.name,
        company_id=offer.company,
        amount=Money(offer.cents, "EUR"),
        expected_close_on=offer.close,
        source=offer.source,
    )


def offers(world: World) -> Iterator[Offer]:
    """Yield new deals without end, on companies from everywhere."""
    company = world.crm.schema.tables["trade_company"]
    with world.crm.storage.reading() as connection:
        companies = list(connection.scalars(sa.select(company.c.id).order_by(company.c.id)))
    chance = Random(world.size)
    sources = [source for source in SOURCES if source]
    made = [
        Offer(
            f"{chance.choice(WORDS)} {chance.choice(WORDS)} {chance.randrange(10**6)}",
            chance.choice(companies),
            chance.randrange(100_00, 500_000_00),
            date(2026, 12, 1) + timedelta(days=chance.randrange(200)),
            chance.choice(sources),
        )
        for _place in range(1000)
    ]
    return cycle(made)
