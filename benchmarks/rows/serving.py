"""The HTTP API beside a bare endpoint that runs hand-written SQL and returns the same JSON: one asks, or eight at once.

What the client and the loopback cost is in both times. The bare endpoint does not ask who is there; crmkit looks a
token up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import count
from statistics import quantiles
from typing import Any
from uuid import UUID

import attrs
import sqlalchemy as sa

from benchmarks.figures import Figure, WrongResultError
from benchmarks.handwritten.writing import Offer
from benchmarks.harness import Comparison, Side, alone, compare
from benchmarks.http.client import Answer, Asked, Client
from benchmarks.http.serving import Running, running
from benchmarks.rows.creating import deal_of, offers
from benchmarks.world.opening import World
from crmkit.auth.tokens import make_token

__all__ = ["figures"]

_AT_ONCE = (1, 8)
# At least 0.4 of the requests per second of the bare endpoint for reads, 0.3 for writes.
_READS, _WRITES = 2.5, 3.3
_DEALS, _BARE = "/api/v1/trade/deals", "/deals"
_SUMS = f"{_DEALS}/aggregate?group_by=stage&measures=count,sum.amount"
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
        for question in _questions(world):
            for at_once in _AT_ONCE:
                yield servers.figure(question, at_once)
        yield Figure("http", "memory of the idle server", servers.memory)


def _questions(world: World) -> Iterator[_Question]:
    ids = _ids(world)
    some = _bodies(offers(world))
    yield _Question("one deal", _each(_DEALS, ids), _each(_BARE, ids), _READS)
    yield _Question("50 deals", _always(f"{_DEALS}?limit=50"), _always(_BARE), _READS, frozenset({"next"}))
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
    """crmkit's and the bare one, with a client each."""

    def __init__(self, world: World, stack: ExitStack) -> None:
        self._world, self._stack, self._clients = world, stack, list[Client]()
        self._ours: Running | None = None

    def figure(self, question: _Question, at_once: int) -> Figure:
        def measure() -> Comparison:
            return self._measured(question, at_once)

        return Figure("http", f"{question.name}, {at_once} at once", measure, most=question.most)

    def memory(self) -> Comparison:
        """Tell what crmkit's server takes; the time is that of an answer."""
        self._start()
        ours = self._clients[0]
        told = f"{self._ours.megabytes:.0f} MB" if self._ours else ""
        return attrs.evolve(alone(lambda: ours.ask(Asked("GET", "/api/v1/me"))), told=told)

    def _start(self) -> None:
        if self._clients:
            return
        url, token = self._world.crm.config.database.url, _token(self._world)
        self._ours = self._stack.enter_context(running("crmkit", str(url)))
        bare = self._stack.enter_context(running("bare", str(url)))
        for server, headers in ((self._ours, {"authorization": f"Bearer {token}"}), (bare, {})):
            self._clients.append(Client(server.port, headers))

    def _measured(self, question: _Question, at_once: int) -> Comparison:
        self._start()
        ours, theirs = self._clients
        _check_same(ours.ask(question.ours(0)), theirs.ask(question.theirs(0)), question.differs)
        mine, other = list[float](), list[float]()
        compared = compare(
            _asking(ours, question.ours, at_once, mine),
            _asking(theirs, question.theirs, at_once, other),
            calls=1,
            pairs=_SLICES,
        )
        told = f"{_SLICE / compared.ours:,.0f}/s, {_percentiles(mine)}; bare {_percentiles(other)}"
        ours_each, theirs_each = compared.ours / _SLICE, (compared.theirs or 0) / _SLICE
        return Comparison(ours_each, theirs_each, compared.ratios, told=told)


def _asking(client: Client, following: _Following, at_once: int, seconds: list[float]) -> Side:
    """Return what asks for a slice, and keeps how long each answer took."""

    def ask() -> None:
        for answer in client.ask_many(following, _SLICE, at_once):
            if answer.status >= 400:
                raise WrongResultError(f"{answer.status}: {answer.body[:300]!r}")
            seconds.append(answer.seconds)

    return ask


def _percentiles(seconds: Sequence[float]) -> str:
    found = quantiles(seconds, n=20)
    return f"p50 {found[9] * 1000:.1f} ms, p95 {found[18] * 1000:.1f} ms"


def _check_same(mine: Answer, other: Answer, differs: frozenset[str]) -> None:
    if mine.status != other.status or _without(mine.json, differs) != _without(other.json, differs):
        raise WrongResultError(f"{mine.status} {mine.body[:700]!r} / {other.status} {other.body[:700]!r}")


def _without(value: Any, names: frozenset[str]) -> Any:
    return {name: part for name, part in value.items() if name not in names}


def _token(world: World) -> str:
    with world.crm.write(world.principal(world.people.salesperson)) as db:
        expires_at = datetime.now(UTC) + timedelta(days=1)
        return make_token(db, "benchmark", scopes=["*:read", "*:write"], expires_at=expires_at).text
