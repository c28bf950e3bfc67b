"""Sending: one sender for the whole CRM, to all endpoints at once, and to none more than it can take.

Everything that waits for the network shares one thread. Each endpoint has a lane of its own: a lane begins with one
message at a time, doubles with every success up to the most there may be, and is back at one once something fails.
So an endpoint that hangs holds one connection, and nobody else waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from random import Random
from time import monotonic
from typing import TypeVar
from uuid import UUID

import attrs

from crmkit import NoArguments, Reader, TryAgainError, WorkContext

from ..entities import Delivery, Endpoint
from .client import Client
from .fanning import active_endpoints
from .outcomes import GONE, Outcome, keep_outcomes, switch_off
from .packing import Due, Packed, Parcel, pack

__all__ = ["send_deliveries"]

T = TypeVar("T")
# So many messages are on their way to one endpoint at once, at most.
_WIDEST = 16
# How often the database is asked for what others have made due meanwhile, in seconds.
_LOOK = 0.1
_TOGETHER = 0.005
# With more endpoints than this, each of those that have nothing to send is asked for more seldom.
_MANY = 100
_TRIES = 10
# A sender that has gone on for so long makes room for another, so that none runs out of its time.
_SHIFT = timedelta(hours=12)


@attrs.define
class Lane:
    """What is on its way to one endpoint, and how much may be. *is_idle* means that nothing was due last time."""

    width: int = 1
    on_the_way: set[UUID] = attrs.field(factory=set)
    looked_at: float = 0.0
    is_idle: bool = False

    @property
    def room(self) -> int:
        """How many more messages may be sent."""
        return self.width - len(self.on_the_way)

    def ended(self, outcome: Outcome) -> None:
        """Note what came of a message; one that was not sent says nothing of the endpoint."""
        self.on_the_way.discard(outcome.delivery.id)
        self.is_idle = False
        if outcome.tells:
            self.width = min(self.width * 2, _WIDEST) if outcome.is_success else 1


def send_deliveries(context: WorkContext, _arguments: NoArguments) -> None:
    """Send what is due, and what becomes due meanwhile, until nothing is on its way any more."""
    with ThreadPoolExecutor(1, "webhooks-database") as database:
        asyncio.run(Sender(context, database).run())


class Sender:
    """Sends until there is nothing to send. Whatever asks the database does so on one thread of its own."""

    def __init__(self, context: WorkContext, database: ThreadPoolExecutor) -> None:
        """Send for *context*."""
        self._context, self._database = context, database
        self._lanes: dict[UUID, Lane] = {}
        self._sending: set[asyncio.Task[Outcome]] = set()
        self._outcomes: list[Outcome] = []
        self._chance, self._until = Random(), monotonic() + _SHIFT.total_seconds()

    async def run(self) -> None:
        """Go on until nothing is due, the worker is to end, or the shift is over."""
        async with Client(self._context.network) as client:
            while True:
                if self._outcomes:
                    await self._ask(self._keep)
                if not self._is_ending:
                    for parcel in await self._ask(self._parcels):
                        self._sending.add(asyncio.create_task(self._send(client, parcel)))
                if not self._sending and not self._outcomes:
                    await self._ask(self._finish)
                    return
                await self._wait()

    @property
    def _is_ending(self) -> bool:
        return self._context.is_stopping or monotonic() >= self._until

    async def _ask(self, question: Callable[[], T]) -> T:
        """Return what the database answers. Whatever collides with others is asked again: messages are on their way."""
        for again in range(1, _TRIES + 1):
            try:
                return await asyncio.get_running_loop().run_in_executor(self._database, question)
            except TryAgainError:
                if again == _TRIES:
                    raise
                await asyncio.sleep(_LOOK * again)
        raise AssertionError("the last try returns or raises")

    async def _wait(self) -> None:
        if not self._sending:
            return
        await asyncio.wait(self._sending, timeout=_LOOK, return_when=asyncio.FIRST_COMPLETED)
        # What ends together is written down together: a commit costs more than most answers.
        done, self._sending = await asyncio.wait(self._sending, timeout=_TOGETHER)
        for task in done:
            self._ended(task.result())

    def _ended(self, outcome: Outcome) -> None:
        self._outcomes.append(outcome)
        self._lanes[outcome.delivery.endpoint_id].ended(outcome)

    async def _send(self, client: Client, parcel: Parcel) -> Outcome:
        began, sent_at = monotonic(), self._context.now
        answer = await client.post(parcel.delivery.endpoint_id, parcel.url, parcel.headers, parcel.content)
        return Outcome(parcel.delivery, sent_at, answer, timedelta(seconds=monotonic() - began))

    # What asks the database.

    def _parcels(self) -> list[Parcel]:
        """Return what is to be sent now, as the users as whom the endpoints act may know it now."""
        with self._context.read() as db:
            due = list(self._due(db))
            packed = pack(db, due, self._context.company) if due else Packed()
        if packed.gone:
            with self._context.write() as writer:
                switch_off(writer, packed.gone, GONE)
        for parcel in packed.parcels:
            self._lanes[parcel.delivery.endpoint_id].on_the_way.add(parcel.delivery.id)
        for outcome in packed.outcomes:
            self._ended(outcome)
        return packed.parcels

    def _due(self, db: Reader) -> Iterator[Due]:
        """Yield the endpoints to which something is to be sent now, and what."""
        now, pause = monotonic(), _LOOK * max(1.0, len(self._lanes) / _MANY)
        unwritten = {outcome.delivery.id for outcome in self._outcomes}
        for endpoint in active_endpoints(db):
            lane = self._lanes.setdefault(endpoint.id, Lane())
            is_paused = endpoint.resumes_at is not None and endpoint.resumes_at > db.moment.now
            if is_paused or lane.room <= 0 or (lane.is_idle and now - lane.looked_at < pause):
                continue
            # Those on their way, and those whose outcome is not written down yet, are due as well.
            known = lane.on_the_way | unwritten
            rule = (Delivery.f.endpoint_id == endpoint.id) & (Delivery.f.next_at <= db.moment.now)
            rows = db.find(Delivery, rule, order_by=("next_at", "id"), limit=lane.room + len(known))
            mine = [row for row in rows if row.id not in known][: lane.room]
            lane.is_idle, lane.looked_at = not mine, now
            if mine:
                yield endpoint, mine

    def _keep(self) -> None:
        """Write down what came of messages."""
        with self._context.write() as db:
            keep_outcomes(db, self._outcomes, self._chance)
        self._outcomes = []

    def _finish(self) -> None:
        """Say that the work is done, and when there is something to do again."""
        with self._context.finish() as db:
            due = [when for endpoint in active_endpoints(db) if (when := _next_due(db, endpoint)) is not None]
            if due:
                db.wake("webhooks.send", run_at=max(min(due), db.now))


def _next_due(db: Reader, endpoint: Endpoint) -> datetime | None:
    """Return when something is to be sent to *endpoint*."""
    f = Delivery.f
    first = db.find(Delivery, (f.endpoint_id == endpoint.id) & f.next_at.is_not_null(), order_by="next_at", limit=1)
    due = first[0].next_at if first else None
    return due if due is None or endpoint.resumes_at is None else max(due, endpoint.resumes_at)
