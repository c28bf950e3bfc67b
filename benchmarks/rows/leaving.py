"""Ten thousand deals of somebody who leaves, given to somebody else in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from uuid import UUID

import attrs

from benchmarks.figures import Figure, WrongResultError
from benchmarks.handwritten.leaving import Office
from benchmarks.handwritten.reading import Hand
from benchmarks.harness import Comparison, compare
from benchmarks.rows.creating import deal_of, offers
from benchmarks.world.opening import World
from crmkit import Succession, User, new_id, offboard

__all__ = ["figures"]

_DEALS, _PAIRS = 10_000, 3


def figures(world: World) -> Iterator[Figure]:
    """Yield the figure of offboarding."""
    boss = world.people.administrator

    def measure() -> Comparison:
        mine, other = _pair(world, "ours"), _pair(world, "theirs")
        office = Office(Hand(world), boss)

        def ours() -> None:
            leaver, successor = mine.swapped()
            with world.crm.write(world.principal(boss)) as db:
                db.update(db.get(User, successor), is_active=True)
                _check(sum(part.count for part in offboard(db, leaver, Succession(successor)).parts))

        def theirs() -> None:
            leaver, successor = other.swapped()
            _check(office.offboard(leaver, successor, other.team))

        return compare(ours, theirs, calls=1, pairs=_PAIRS)

    yield Figure("offboarding", "10,000 deals to a successor", measure, most=5.0, most_ms=10_000)


@attrs.define
class _Pair:
    """Two people who leave in turns, each giving everything to the other."""

    leaver: UUID
    successor: UUID
    team: UUID

    def swapped(self) -> tuple[UUID, UUID]:
        now = self.leaver, self.successor
        self.leaver, self.successor = self.successor, self.leaver
        return now


def _pair(world: World, name: str) -> _Pair:
    team = world.people.salesperson.team
    with world.crm.system("benchmark") as db:
        one, two = db.create_many([User(name=f"{name} {n}", team_id=team) for n in range(2)])
    some = list(islice(offers(world), 1000))
    for _ in range(_DEALS // len(some)):
        with world.crm.system("benchmark") as db:
            db.create_many([attrs.evolve(deal_of(offer), id=new_id(), owner_id=one.id) for offer in some])
    return _Pair(one.id, two.id, team)


def _check(number: int) -> None:
    if number != _DEALS:
        raise WrongResultError(f"{number} deals were given away")
