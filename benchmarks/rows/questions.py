"""What a server is asked: the requests of the benchmark, for crmkit and for the bare endpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any
from uuid import UUID

import attrs
import sqlalchemy as sa

from benchmarks.handwritten.searching import FOUND
from benchmarks.handwritten.writing import Offer
from benchmarks.http.bare_looks import WORD
from benchmarks.http.client import Asked
from benchmarks.rows.creating import deal_of, offers
from benchmarks.world.opening import World

__all__ = ["Following", "Question", "questions"]

# At least 0.4 of the requests per second of the bare endpoint for reads, 0.3 for writes.
_READS, _WRITES = 2.5, 3.3
_DEALS, _BARE = "/api/v1/trade/deals", "/deals"
_SUMS = f"{_DEALS}/aggregate?group_by=stage&measures=count,sum.amount"
_CONTACTS = "/api/v1/customers/contacts?limit=50"
_SEARCH = f"/api/v1/search?q={WORD}&entity=trade.deal&limit={FOUND}"
_SOME = 400
_TIMES = frozenset({"created_at", "updated_at", "stage_entered_at"})
_NEW = frozenset({"id", "number", "name", "company_id", "amount", "expected_close_on", "source"})

#: Returns the request that comes at a place in the row.
Following = Callable[[int], Asked]


@attrs.frozen
class Question:
    """What both servers are asked, request after request; *differs* are names whose values do."""

    name: str
    ours: Following
    theirs: Following
    most: float
    differs: frozenset[str] = frozenset()


def questions(world: World) -> Iterator[Question]:
    """Yield them; what is moved is made when it is its turn."""
    ids = _ids(world)
    some = _bodies(offers(world))
    yield Question("one deal", _each(_DEALS, ids), _each(_BARE, ids), _READS)
    yield Question("50 deals", _always(f"{_DEALS}?limit=50"), _always(_BARE), _READS, frozenset({"next"}))
    yield Question("50 contacts", _always(_CONTACTS), _always("/contacts"), _READS, frozenset({"next"}))
    yield Question("search, a rare word", _always(_SEARCH), _always("/search"), _READS, frozenset({"next"}))
    yield Question("funnel", _always(f"{_DEALS}/funnel?sum=amount"), _always("/funnel"), _READS)
    yield Question("sums by stage", _always(_SUMS), _always("/sums"), _READS)
    yield Question("create", _posted(_DEALS, some), _posted(_BARE, some), _WRITES, _NEW | _TIMES)
    movable = _fresh(world)
    mine, other = _moved(_DEALS, movable[::2]), _moved(_BARE, movable[1::2])
    yield Question("move", mine, other, _WRITES, _TIMES | {"id", "number"})


def _ids(world: World) -> list[UUID]:
    """Return deals of the teams of the salesperson, from all over the table."""
    deal = world.crm.schema.tables["trade_deal"]
    team = deal.c.team_id.in_(world.people.subtree(world.people.salesperson))
    statement = sa.select(deal.c.id).where(deal.c.deleted_at.is_(None), team)
    with world.crm.storage.reading() as connection:
        found = list(connection.scalars(statement.order_by(deal.c.name)))
    return found[:: max(len(found) // _SOME, 1)][:_SOME]


def _fresh(world: World) -> list[UUID]:
    """Return new deals of the salesperson that differ in nothing but their ids and numbers."""
    offer = next(offers(world))
    with world.crm.write(world.principal(world.people.salesperson)) as db:
        made = db.create_many([deal_of(offer) for _place in range(2 * _SOME)])
    return [deal.id for deal in made]


def _each(path: str, ids: Sequence[UUID]) -> Following:
    return lambda place: Asked("GET", f"{path}/{ids[place % len(ids)]}")


def _always(path: str) -> Following:
    return lambda _place: Asked("GET", path)


def _posted(path: str, bodies: Iterator[Any]) -> Following:
    return lambda _place: Asked("POST", path, next(bodies))


def _bodies(some: Iterator[Offer]) -> Iterator[Any]:
    for offer in some:
        yield {
            "name": offer.name,
            "company_id": str(offer.company),
            "amount": {"amount": f"{offer.cents / 100:.2f}", "currency": "EUR"},
            "expected_close_on": offer.close.isoformat(),
            "source": offer.source,
        }


def _moved(path: str, ids: Sequence[UUID]) -> Following:
    """Return what moves one deal after the other from the first stage to the next, and in the next round back."""
    places = count()

    def following(_place: int) -> Asked:
        around, place = divmod(next(places), len(ids))
        body = {"stage": "prospecting" if around % 2 else "engaging"}
        return Asked("POST", f"{path}/{ids[place]}/move", body, {"if-match": f'"{around + 1}"'})

    return following
