"""Ten thousand events: told by the dispatcher, and drained by a worker."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from benchmarks.figures import Figure, WrongResultError
from benchmarks.handwritten.telling import Clerk
from benchmarks.harness import Comparison, compare
from benchmarks.world.opening import World
from benchmarks.world.trade.entities import Deal
from crmkit import CRM, Config, Database, Subscriber, Trigger, Worker
from crmkit.core.events.dispatcher import Dispatcher
from crmkit.testing import plugin

__all__ = ["EVENTS", "change_deals", "figures"]

#: How many events are told.
EVENTS = 10_000
_PAIRS = 3
_SUBSCRIBER = Subscriber("ear.listen", Trigger("trade.deal", kinds=["update"]), lambda _context, _told: None)


def figures(world: World) -> Iterator[Figure]:
    """Yield the figures of telling and of draining."""

    def measure_telling() -> Comparison:
        crm = _listening(world)
        clerk, before = Clerk(crm), _position(crm)
        change_deals(world)

        def again() -> None:
            _forget(crm, before)

        def ours() -> None:
            again()
            _tell(crm)

        def theirs() -> None:
            again()
            clerk.tell()

        ours()
        told = _deliveries(crm)
        theirs()
        if told != _deliveries(crm):
            raise WrongResultError("the two sides do not tell the same")
        try:
            return compare(ours, theirs, calls=1, pairs=_PAIRS)
        finally:
            again()
            crm.close()

    def measure_draining() -> Comparison:
        crm = _listening(world)
        clerk, worker, before = Clerk(crm), Worker(crm), _position(crm)
        change_deals(world)

        def ours() -> None:
            _forget(crm, before)
            _tell(crm)
            worker.run_until_idle()
            _check_drained(crm)

        def theirs() -> None:
            _forget(crm, before)
            _tell(crm)
            clerk.drain()
            _check_drained(crm)

        try:
            return compare(ours, theirs, calls=1, pairs=_PAIRS)
        finally:
            worker.close()
            crm.close()

    yield Figure("events", "dispatcher, 10,000 told", measure_telling, most=3.0)
    yield Figure("events", "10,000 told and drained by a worker", measure_draining, most=3.0, most_ms=60_000)


def _listening(world: World) -> CRM:
    """Return a CRM on the database of *world* with a plugin that wants to know of every change of a deal."""
    ear = plugin("ear", requires=["trade"], subscribers=[_SUBSCRIBER])
    url = world.crm.config.database.url
    return CRM(Config(database=Database(url)), plugins=[*world.crm.plugins, ear], without="*")


def change_deals(world: World) -> None:
    """Have deals renamed, in transactions of a thousand each."""
    with world.crm.system("benchmark") as db:
        deals = db.find(Deal, limit=min(EVENTS, world.size))
    for start in range(0, EVENTS, 1000):
        with world.crm.system("benchmark") as db:
            some = db.get_many(Deal, [deal.id for deal in deals[start : start + 1000]])
            db.update_many([(deal, {"name": f"{deal.name[:80]} {start}"}) for deal in some.values()])


def _position(crm: CRM) -> int:
    with crm.storage.reading() as connection:
        return int(connection.scalar(sa.select(crm.schema.system.ledger_head.c.last_id)) or 0)


def _forget(crm: CRM, position: int) -> None:
    """Have nothing told yet of what was written after *position*."""
    system = crm.schema.system
    with crm.storage.writing() as connection:
        connection.execute(sa.delete(system.job))
        connection.execute(sa.update(system.checkpoint).values(position=position))


def _tell(crm: CRM) -> None:
    dispatcher, went_on = Dispatcher(crm), True
    while went_on:
        with crm.storage.writing() as connection:
            went_on = bool(dispatcher.tell(connection, crm.clock.now()))


def _deliveries(crm: CRM) -> list[tuple[str, int]]:
    job = crm.schema.system.job
    with crm.storage.reading() as connection:
        rows = connection.execute(sa.select(job.c.name, job.c.payload).where(job.c.kind == "delivery"))
        return sorted((row.name, row.payload["position"]) for row in rows)


def _check_drained(crm: CRM) -> None:
    if _deliveries(crm):
        raise WrongResultError("something was not delivered")
