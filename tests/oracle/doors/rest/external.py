"""Doors to records by the ids that other systems have for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.oracle import acts
from tests.oracle.acts import CLASSES, Act
from tests.oracle.doors.reads import records, views
from tests.oracle.doors.registry import Probe, Questioner
from tests.oracle.doors.rest.lending import http_door
from tests.oracle.doors.writes import doing
from tests.oracle.steps import SYSTEMS
from tests.oracle.terms import Denied

_NAMED = ["trade.firm", "trade.deal"]


def _draw(q: Questioner) -> tuple[str, str, str]:
    """Return a system, an entity and a name, more often one that there is."""
    given = sorted(q.world.externals)
    if given and q.chance.likely(75):
        return q.chance.one(given)  # type: ignore[no-any-return]
    return q.chance.one(SYSTEMS), q.chance.one(_NAMED), f"x{q.random.randint(1, 14)}"


@http_door
def get_external(q: Questioner) -> Iterator[Probe]:
    for _ in range(2):
        system, entity, name = _draw(q)

        def want(system=system, entity=entity, name=name):
            id, is_deleted = q.world.known(q.p, system, entity, [name]).get(name, (None, True))
            if is_deleted:
                raise Denied("not-found")
            return records(q, entity, [id])

        def call(db, system=system, entity=entity, name=name):
            return [db.get_external(CLASSES[entity], system, name)]

        yield Probe(f"get {entity} that {system} calls {name}", want, call, views)


@http_door
def put_external(q: Questioner) -> Iterator[Probe]:
    for _ in range(2):
        system, entity, name = _draw(q)
        yield doing(q, _put(q, system, entity, name))


def _put(q: Questioner, system: str, entity: str, name: str) -> Act:
    known = q.world.known(q.p, system, entity, [name]).get(name)
    id = q.chance.new_id() if known is None else known[0]
    row = q.chance.row(q.world, entity)
    values = row if known is None else q.chance.change(q.world, entity)
    act = acts.create(entity, {id: values}) if known is None else acts.update(entity, [(id, None, values)])  # type: ignore[list-item]

    def plan(world: Any, p: Any) -> Any:
        if known is not None and known[1]:
            raise Denied("conflict")
        commit = act.plan(world, p)
        if known is None and (system, entity, name) in world.externals:
            raise Denied("conflict")

        def put(world: Any) -> None:
            commit(world)
            world.externals[system, entity, name] = id

        return put

    # Of a new record none is what was not given; over HTTP a hidden field must not be given at all.
    sent = {n: acts.given(v) for n, v in values.items() if known is not None or v is not None}

    def run(db: Any) -> Any:
        return [db.put_external(CLASSES[entity], system, name, id, sent)]

    return Act(f"put {entity} that {system} calls {name}: {values}", plan, run, entity, (id,))
