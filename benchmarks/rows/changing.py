"""One field changed, one deal moved: by somebody who has the deal before her."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from itertools import cycle
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from benchmarks.figures import Figure, check_written
from benchmarks.handwritten.reading import Hand
from benchmarks.handwritten.writing import Desk
from benchmarks.harness import Comparison, compare
from benchmarks.rows.creating import deal_of, offers
from benchmarks.witness import Witness
from benchmarks.world.opening import World
from benchmarks.world.people import Member
from benchmarks.world.trade.entities import Deal

__all__ = ["figures"]

_POOL = 100
_DAYS = [date(2027, 1, 1) + timedelta(days=day) for day in range(97)]


def figures(world: World) -> Iterator[Figure]:
    """Yield the figures of changes."""
    member = world.people.salesperson

    def update() -> Comparison:
        return _compared(world, member, _updating(), _updating())

    def move(there: str) -> Callable[[], Comparison]:
        return lambda: _compared(world, member, _moving(there), _moving(there))

    yield Figure("update", "salesperson, one field", update)
    yield Figure("move", "salesperson, to prospecting and back", move("prospecting"), most=3.0)
    yield Figure("move", "salesperson, to proposal and back, guarded", move("proposal"), most=3.0)


# Given a deal and its stage, what to do with it next.
_Next = Callable[[str], Any]


def _updating() -> _Next:
    days = cycle(_DAYS)
    return lambda _stage: next(days)


def _moving(there: str) -> _Next:
    return lambda stage: there if stage == "engaging" else "engaging"


def _compared(world: World, member: Member, ours: _Next, theirs: _Next) -> Comparison:
    """Let each side change deals of its own, and before that twins."""
    hand = Hand(world)
    twins = _twins(world, member)
    mine, other = _Ours(world, member, twins[:1]), _Theirs(hand, member, twins[1:])
    check_written(Witness(world), lambda: mine.turn(ours), lambda: other.turn(theirs))
    pool = _pool(world, member)
    mine, other = _Ours(world, member, pool[::2]), _Theirs(hand, member, pool[1::2])
    return compare(lambda: mine.turn(ours), lambda: other.turn(theirs), patience=4)


def _twins(world: World, member: Member) -> list[Deal]:
    """Return two new deals in engaging that differ in nothing but their ids and numbers."""
    offer = next(offers(world))
    with world.crm.write(world.principal(member)) as db:
        return db.move_many(db.create_many([deal_of(offer), deal_of(offer)]), "engaging")


def _pool(world: World, member: Member) -> list[Deal]:
    """Return deals of the teams of *member* from all over the table, which stand in engaging and may be proposed."""
    deal = world.crm.schema.tables["trade_deal"]
    ids = sa.select(deal.c.id).where(
        deal.c.deleted_at.is_(None),
        deal.c.stage == "engaging",
        deal.c.amount_base >= 100_00,
        deal.c.team_id.in_(world.people.subtree(member)),
    )
    with world.crm.storage.reading() as connection:
        found = list(connection.scalars(ids.order_by(deal.c.id)))
    some = found[:: max(len(found) // _POOL, 1)][:_POOL]
    with world.crm.read(world.principal(member)) as db:
        return list(db.get_many(Deal, some).values())


class _Ours:
    """Changes one of *deals* after the other through crmkit."""

    def __init__(self, world: World, member: Member, deals: Sequence[Deal]) -> None:
        self._crm, self._principal = world.crm, world.principal(member)
        self._deals, self._places = list(deals), cycle(range(len(deals)))

    def turn(self, following: _Next) -> Deal:
        place = next(self._places)
        deal = self._deals[place]
        wanted = following(deal.stage)
        with self._crm.write(self._principal) as db:
            made = db.update(deal, expected_close_on=wanted) if isinstance(wanted, date) else db.move(deal, wanted)
        self._deals[place] = made
        return made


class _Theirs:
    """Changes one of *deals* after the other by hand."""

    def __init__(self, hand: Hand, member: Member, deals: Sequence[Deal]) -> None:
        self._desk, self._places = Desk(hand, member), cycle(range(len(deals)))
        self._deals: list[tuple[UUID, int, str]] = [(deal.id, deal.version, deal.stage) for deal in deals]

    def turn(self, following: _Next) -> int:
        place = next(self._places)
        id_, version, stage = self._deals[place]
        wanted = following(stage)
        if isinstance(wanted, date):
            version = self._desk.update(id_, version, wanted)
        else:
            version, stage = self._desk.move(id_, version, wanted), wanted
        self._deals[place] = id_, version, stage
        return version
