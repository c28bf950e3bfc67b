"""One deal read, by its id and by its number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

import sqlalchemy as sa

from benchmarks.figures import Figure, taking_turns
from benchmarks.handwritten.reading import Hand
from benchmarks.world.opening import World
from benchmarks.world.people import Member
from benchmarks.world.trade.entities import Deal

__all__ = ["figures"]

_SOME = 200


def figures(world: World) -> Iterator[Figure]:
    """Yield the figures of reading one deal."""
    yield Figure("get", "salesperson, by id", lambda: _measured(world, world.people.salesperson, "id"))
    yield Figure("get", "salesperson, by number", lambda: _measured(world, world.people.salesperson, "number"))
    yield Figure("get", "administrator, by id", lambda: _measured(world, world.people.administrator, "id"))


def _measured(world: World, member: Member, by: str) -> Any:
    hand = Hand(world)
    known = _references(world, world.people.salesperson)
    ours, theirs = _ours(world, member, [pair[by] for pair in known]), _theirs(hand, member, by, known)

    def same(mine: Any, other: Any) -> bool:
        return bool(hand.id(mine.id) == other.id)

    return taking_turns(ours, theirs, same)()


def _references(world: World, member: Member) -> list[dict[str, Any]]:
    """Return ids and numbers of deals of the teams of *member*, from all over the table."""
    deal = world.crm.schema.tables["trade_deal"]
    team = deal.c.team_id.in_(world.people.subtree(member))
    statement = sa.select(deal.c.id, deal.c.number).where(deal.c.deleted_at.is_(None), team)
    with world.crm.storage.reading() as connection:
        rows = connection.execute(statement.order_by(deal.c.name)).mappings().all()
    return [dict(row) for row in rows[:: max(len(rows) // _SOME, 1)]]


def _ours(world: World, member: Member, references: list[Any]) -> Callable[[], Any]:
    crm, principal, some = world.crm, world.principal(member), cycle(references)

    def get() -> Any:
        with crm.read(principal) as db:
            return db.get(Deal, next(some))

    return get


def _theirs(hand: Hand, member: Member, by: str, known: list[dict[str, Any]]) -> Callable[[], Any]:
    is_administrator = member == hand.world.people.administrator
    eyes = hand.administrator() if is_administrator else hand.scoped(member, shared=True)
    some = cycle([hand.id(pair[by]) if by == "id" else pair[by] for pair in known])
    statement = f"SELECT {hand.columns()} FROM trade_deal WHERE {by} = :wanted AND deleted_at IS NULL AND {eyes.whole}"
    run = hand.run(statement, eyes.parameters)

    def get() -> Any:
        return run(wanted=next(some))[0]

    return get
