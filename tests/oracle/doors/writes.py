"""Doors of the writer: every verb, in ones and in batches. What each would do is seen inside, and then undone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.oracle.acts import CLASSES, Act
from tests.oracle.doors.registry import Probe, Questioner, door
from tests.oracle.phrases import expected, snapshot
from tests.oracle.play import planned
from tests.oracle.steps import SYSTEMS, Steps
from tests.oracle.terms import Denied


def doing(q: Questioner, act: Act) -> Probe:
    """Return the probe that does *act*: the outcome, the records returned, and all records as they then are."""

    def want():
        outcomes, commit = planned(q.world, q.p, act)
        if commit is None:
            raise Denied(*outcomes)
        after = q.play.after(commit)
        returned = [expected(after.read(q.p, act.entity, id)) for id in act.returns]
        return returned, q.play.wanted_state(after)

    def call(db):
        answer = act.run(db)
        return answer, q.play.state(db.trusted)

    def view(answer: tuple[Any, Any]) -> Any:
        return [snapshot(record) for record in answer[0]] if act.returns else [], answer[1]

    return Probe(act.label, want, call, view, told=lambda answer: answer[0], writes=True)


def steps_of(q: Questioner) -> Steps:
    """Return what draws for the principal."""
    return Steps(q.play, q.random, q.p)


@door
def create(q: Questioner) -> Iterator[Probe]:
    for _ in range(2):
        yield doing(q, steps_of(q).draw_create())


@door
def update(q: Questioner) -> Iterator[Probe]:
    for _ in range(3):
        yield doing(q, steps_of(q).draw_update())


@door
def delete(q: Questioner) -> Iterator[Probe]:
    for _ in range(2):
        yield doing(q, steps_of(q).draw_delete())


@door
def restore(q: Questioner) -> Iterator[Probe]:
    for _ in range(2):
        yield doing(q, steps_of(q).draw_restore())


@door
def transfer(q: Questioner) -> Iterator[Probe]:
    for _ in range(2):
        yield doing(q, steps_of(q).draw_transfer())


@door
def move(q: Questioner) -> Iterator[Probe]:
    for _ in range(2):
        yield doing(q, steps_of(q).draw_move())


@door
def share(q: Questioner) -> Iterator[Probe]:
    for _ in range(3):
        yield doing(q, steps_of(q).draw_share())
    if (act := steps_of(q).draw_unshare()) is not None:
        yield doing(q, act)


@door
def external_ids(q: Questioner) -> Iterator[Probe]:
    yield doing(q, steps_of(q).draw_give())
    system, entity = q.chance.one(SYSTEMS), q.chance.one(["trade.firm", "trade.deal"])
    names = [f"x{n}" for n in range(1, 12)]
    yield Probe(
        f"external ids of {entity} in {system}",
        lambda: q.world.known(q.p, system, entity, names),
        lambda db: db.external.find(system, CLASSES[entity], names),
        lambda found: {name: (known.record_id, known.is_deleted) for name, known in found.items()},
        writes=True,
    )
