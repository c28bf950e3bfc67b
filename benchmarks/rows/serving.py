"""The HTTP API beside a bare endpoint that runs hand-written SQL and returns the same JSON: one asks, or eight at once.

What the client and the loopback cost is in both times, but not in the processor time, which is that of the servers
alone. The bare endpoint does not ask who is there; crmkit looks a token up.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median, quantiles
from typing import Any

import attrs

from benchmarks.figures import Figure, WrongResultError
from benchmarks.handwritten.reading import Hand
from benchmarks.handwritten.searching import prepare
from benchmarks.harness import Comparison, alone, compare
from benchmarks.http.client import Answer, Asked, Client
from benchmarks.http.serving import Running, running
from benchmarks.http.tokens import token_of
from benchmarks.rows.questions import Following, Question, questions
from benchmarks.world.customers import with_customers
from benchmarks.world.opening import World

__all__ = ["figures"]

_AT_ONCE = (1, 8)
_SLICE, _SLICES = 200, 9


def figures(world: World) -> Iterator[Figure]:
    """Yield the figures; both servers run until the last of them is measured."""
    with ExitStack() as stack:
        servers = _Servers(world, stack)
        yield Figure("http", "memory of the idle server", servers.memory)
        for question in questions(world):
            for at_once in _AT_ONCE:
                yield servers.figure(question, at_once)


class _Servers:
    """crmkit's and the bare one."""

    def __init__(self, world: World, stack: ExitStack) -> None:
        self._world, self._stack, self._both = world, stack, list[_Asked]()

    def figure(self, question: Question, at_once: int) -> Figure:
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

    def _measured(self, question: Question, at_once: int) -> Comparison:
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

    def by(self, following: Following, at_once: int) -> _Slices:
        return _Slices(self.server, self.client, following, at_once)


@attrs.frozen
class _Slices:
    """Asks slice by slice, and keeps how many seconds each answer, and all of them the processors, took."""

    server: Running
    client: Client
    following: Following
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
