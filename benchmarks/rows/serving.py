"""The HTTP API beside a bare endpoint that runs hand-written SQL and returns the same JSON: one asks, or eight at once.

What the client and the loopback cost is in both times, but not in the processor time, which is that of the servers
alone. The bare endpoint does not ask who is there; crmkit looks a token up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import count
from statistics import median, quantiles
from typing import Any
from uuid import UUID

import attrs
import sqlalchemy as sa

from benchmarks.figures import Figure, WrongResultError
from benchmarks.handwritten.reading import Hand
from benchmarks.handwritten.searching import FOUND, prepare
from benchmarks.handwritten.writing import Offer
from benchmarks.harness import Comparison, alone, compare
from benchmarks.http.bare_looks import WORD
from benchmarks.http.client import Answer, Asked, Client
from benchmarks.http.serving import Running, running
from benchmarks.http.tokens import token_of
from benchmarks.rows.creating import deal_of, offers
from benchmarks.world.customers import with_customers
from benchmarks.world.opening import World

__all__ = ["figures"]

_AT_ONCE = (1, 8)
# At least 0.4 of the requests per second of the bare endpoint for reads, 0.3 for writes.
_READS, _WRITES = 2.5, 3.3
_DEALS, _BARE = "/api/v1/trade/deals", "/deals"
_SUMS = f"{_DEALS}/aggregate?group_by=stage&measures=count,sum.amount"
_CONTACTS = "/api/v1/customers/contacts?limit=50"
_SEARCH = f"/api/v1/search?q={WORD}&entity=trade.deal&limit={FOUND}"
_SLICE, _SLICES, _SOME = 200, 9, 400
_TIMES = frozenset({"created_at", "updated_at", "stage_entered_at"})
_NEW = frozenset({"id", "number", "name", "company_id", "amount", "expected_close_on", "source"})

_Following = Callable[[int], Asked]


@attrs.frozen
class _Question:
    """What both servers are asked, request after request; *differs* are names whose values do."""

    name: str
    ours: _Following
    theirs: _Following
    most: float
    differs: frozenset[str] = frozenset()


def figures(world: World) -> Iterator[Figure]:
    """Yield the figures; both servers run until the last of them is measured."""
    with ExitStack() as stack:
        servers = _Servers(world, stack)
        yield Figure("http", "memory of the idle server", servers.memory)
        for question in _questions(world):
            for at_once in _AT_ONCE:
                yield servers.figure(question, at_once)


def _questions(world: World) -> Iterator[_Question]:
    ids = _ids(world)
    some = _bodies(offers(world))
    yield _Question("one deal", _each(_DEALS, ids), _each(_BARE, ids), _READS)
    yield _Question("50 deals", _always(f"{_DEALS}?limit=50"), _always(_BARE), _READS, frozenset({"next"}))
    yield _Question("50 contacts", _always(_CONTACTS), _always("/contacts"), _READS, frozenset({"next"}))
    yield _Question("search, a rare word", _always(_SEARCH), _always("/search"), _READS, frozenset({"next"}))
    yield _Question("funnel", _always(f"{_DEALS}/funnel?sum=amount"), _always("/funnel"), _READS)
    yield _Question("sums by stage", _always(_SUMS), _always("/sums"), _READS)
    yield _Question("create", _posted(_DEALS, some), _posted(_BARE, some), _WRITES, _NEW | _TIMES)
    movable = _fresh(world)
    mine, other = _moved(_DEALS, movable[::2]), _moved(_BARE, movable[1::2])
    yield _Question("move", mine, other, _WRITES, _TIMES | {"id", "number"})


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


def _each(path: str, ids: Sequence[UUID]) -> _Following:
    return lambda place: Asked("GET", f"{path}/{ids[place % len(ids)]}")


def _always(path: str) -> _Following:
    return lambda _place: Asked("GET", path)


def _posted(path: str, bodies: Iterator[Any]) -> _Following:
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


def _moved(path: str, ids: Sequence[UUID]) -> _Following:
    """Return what moves one deal after the other from the first stage to the next, and in the next round back."""
    places = count()

    def following(_place: int) -> Asked:
        around, place = divmod(next(places), len(ids))
        body = {"stage": "prospecting" if around % 2 else "engaging"}
        return Asked("POST", f"{path}/{ids[place]}/move", body, {"if-match": f'"{around + 1}"'})

    return following


class _Servers:
    """crmkit's and the bare one."""

    def __init__(self, world: World, stack: ExitStack) -> None:
        self._world, self._stack, self._both = world, stack, list[_Asked]()

    def figure(self, question: _Question, at_once: int) -> Figure:
        def measure() -> Comparison:
            return self._measured(question, at_once)

        return Figure("http", f"{question.name}, {at_once} at once", measure, most=question.most)

    def memory(self) -> Comparison:
        """Tell what crmkit's server takes before it is asked more than who asks; the time is that of an answer."""
        ours, _theirs = self._started()
        answered = alone(lambda: ours.client.ask(Asked("GET", "/api/v1/me")))
        return attrs.evolve(answered, told=f"{ours.server.megabytes:.0f} MB")

    def _started(self) -> list[_Asked]:
        if not self._both:
            prepare(Hand(self._world))
            with with_customers(self._world, alone=True):
                pass
            authorization = {"authorization": f"Bearer {token_of(self._world, self._world.people.salesperson)}"}
            for kind, headers in (("crmkit", authorization), ("bare", {})):
                server = self._stack.enter_context(running(kind, str(self._world.crm.config.database.url)))
                self._both.append(_Asked(server, Client(server.port, headers)))
        return self._both

    def _measured(self, question: _Question, at_once: int) -> Comparison:
        ours, theirs = self._started()
        mine, other = ours.client.ask(question.ours(0)), theirs.client.ask(question.theirs(0))
        _check_same(mine, other, question.differs)
        mine_asked, other_asked = ours.by(question.ours, at_once), theirs.by(question.theirs, at_once)
        compared = compare(mine_asked.slice, other_asked.slice, calls=1, pairs=_SLICES)
        told = f"{_SLICE / compared.ours:,.0f}/s, {mine_asked.told}; bare {other_asked.told}"
        pairs = zip(mine_asked.processor, other_asked.processor, strict=True)
        return Comparison(
            compared.ours / _SLICE,
            (compared.theirs or 0) / _SLICE,
            compared.ratios,
            tuple(one / another for one, another in pairs if another),
            told,
        )


@attrs.frozen
class _Asked:
    """A *server*, and the *client* that asks it."""

    server: Running
    client: Client

    def by(self, following: _Following, at_once: int) -> _Slices:
        return _Slices(self.server, self.client, following, at_once)


@attrs.frozen
class _Slices:
    """Asks slice by slice, and keeps how many seconds each answer, and all of them the processors, took."""

    server: Running
    client: Client
    following: _Following
    at_once: int
    seconds: list[float] = attrs.field(factory=list)
    processor: list[float] = attrs.field(factory=list)

    def slice(self) -> None:
        before = self.server.processor
        for answer in self.client.ask_many(self.following, _SLICE, self.at_once):
            if answer.status >= 400:
                raise WrongResultError(f"{answer.status}: {answer.body[:300]!r}")
            self.seconds.append(answer.seconds)
        self.processor.append(self.server.processor - before)

    @property
    def told(self) -> str:
        found, each = quantiles(self.seconds, n=20), median(self.processor) / _SLICE
        return f"p50 {found[9] * 1000:.1f} ms, p95 {found[18] * 1000:.1f} ms, processor {each * 1000:.2f} ms"


def _check_same(mine: Answer, other: Answer, differs: frozenset[str]) -> None:
    if mine.status != other.status or _without(mine.json, differs) != _without(other.json, differs):
        raise WrongResultError(f"{mine.status} {mine.body[:700]!r} / {other.status} {other.body[:700]!r}")


def _without(value: Any, names: frozenset[str]) -> Any:
    return {name: part for name, part in value.items() if name not in names}
