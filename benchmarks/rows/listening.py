"""A change of a company told to a thousand open streams of fifty people, from the commit until the last has it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import attrs

from benchmarks.figures import Figure
from benchmarks.harness import Comparison, alone
from benchmarks.http.client import Asked, Client
from benchmarks.http.listening import Ears
from benchmarks.http.serving import running
from benchmarks.http.tokens import token_of
from benchmarks.world.customers import with_customers
from benchmarks.world.opening import World
from benchmarks.world.trade.entities import Company

__all__ = ["figures"]

_PEOPLE, _EACH, _CHANGES = 50, 20, 9


def figures(world: World) -> Iterator[Figure]:
    """Yield the figure."""
    yield Figure("http", "a change told to 1,000 streams", lambda: _measured(world), most_ms=2_000)


def _measured(world: World) -> Comparison:
    tokens = [token_of(world, member) for member in world.people.users[-_PEOPLE:]]
    changes, administrator = count(), world.principal(world.people.administrator)
    with world.crm.system("benchmark") as db:
        [company] = db.find(Company, limit=1)
    with with_customers(world, alone=True), running("crmkit", str(world.crm.config.database.url)) as server:
        Client(server.port, {"authorization": f"Bearer {tokens[0]}"}).ask(Asked("GET", "/api/v1/me"))
        before = server.megabytes
        with Ears(server.port, tokens * _EACH) as ears:
            after = server.megabytes

            def change() -> None:
                with world.crm.write(administrator) as db:
                    db.update(db.get(Company, company.id), {"city": f"City {next(changes)}"})
                ears.wait_for_change()

            change()
            busy = server.processor
            compared = alone(change, slices=_CHANGES)
            busy = (server.processor - busy) / next(changes) * 1000
    told = f"memory {before:.0f} MB without and {after:.0f} MB with them, processor {busy:.0f} ms for a change"
    return attrs.evolve(compared, told=told)
