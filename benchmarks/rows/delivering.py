"""Ten thousand changes of deals told to a webhook on this machine: by a worker, until nothing is left to send."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from time import perf_counter, process_time

import sqlalchemy as sa

from benchmarks.figures import Figure, WrongResultError
from benchmarks.harness import Comparison
from benchmarks.http.serving import running
from benchmarks.rows.telling import EVENTS, change_deals
from benchmarks.world.customers import PLUGINS
from benchmarks.world.opening import World, make_crm
from crmkit import CRM, Worker
from crmkit.core.configuration.config import Encryption, Network
from crmkit.core.encryption.masters import new_key
from crmkit.core.migrating import apply
from crmkit.plugins.webhooks.entities import Endpoint

__all__ = ["figures"]


def figures(world: World) -> Iterator[Figure]:
    """Yield the figure."""
    yield Figure("http", "10,000 webhooks told", lambda: _measured(world), most_ms=120_000)


def _measured(world: World) -> Comparison:
    with ExitStack() as stack:
        receiver = stack.enter_context(running("receiver", ""))
        crm = _with_webhooks(world)
        stack.callback(crm.close)
        with crm.write(world.principal(world.people.administrator)) as db:
            db.create(Endpoint(name="Here", url=f"http://127.0.0.1:{receiver.port}/", entity="trade.deal"))
        worker = Worker(crm)
        stack.callback(worker.close)
        worker.run_until_idle()
        change_deals(world)
        wall, busy = perf_counter(), process_time()
        worker.run_until_idle()
        wall, busy = perf_counter() - wall, process_time() - busy
        _check_told(crm, min(EVENTS, world.size))
    each = f"processor of the worker {busy / EVENTS * 1000:.2f} ms each"
    return Comparison(wall, None, told=f"{EVENTS / wall:,.0f}/s, {each}")


def _with_webhooks(world: World) -> CRM:
    """Return a CRM on the database of *world* with webhooks that reach this machine."""
    settings = {"network": Network(["127.0.0.1/32"]), "encryption": Encryption(new_key("benchmark"))}
    crm = make_crm(str(world.crm.config.database.url), [*PLUGINS, "webhooks"], **settings)
    apply(crm)
    return crm


def _check_told(crm: CRM, number: int) -> None:
    delivery = crm.schema.tables["webhooks_delivery"]
    counted = sa.select(delivery.c.state, sa.func.count()).group_by(delivery.c.state)
    with crm.storage.reading() as connection:
        found = {row[0]: row[1] for row in connection.execute(counted)}
    if found != {"delivered": number}:
        raise WrongResultError(f"told: {found}")
