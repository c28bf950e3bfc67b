"""The door of many changes in one request, each for itself: what becomes of one does not hang on the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from tests.oracle import acts
from tests.oracle.acts import CLASSES
from tests.oracle.doors.registry import Probe, Questioner, exists
from tests.oracle.doors.rest.lending import http_door, kind_of
from tests.oracle.doors.writes import steps_of
from tests.oracle.phrases import expected, snapshot
from tests.oracle.steps import Steps
from tests.oracle.terms import Denied, Write
from tests.oracle.worlds import OWN_ENTITIES, TEAMS, USERS

Change = tuple[str, UUID, int | None, dict[str, Any]]
_STATUS = {"create": 201, "update": 200, "delete": 204, "move": 200, "transfer": 200}


@http_door
def each(q: Questioner) -> Iterator[Probe]:
    entity = q.chance.one([*OWN_ENTITIES, "trade.deal", "trade.deal"])
    changes = list(_drawn(q, steps_of(q), entity))

    def call(db):
        asked = [(op, id, version, acts.given_all(values)) for op, id, version, values in changes]
        return db.batch_each(CLASSES[entity], asked), q.play.state(db.trusted)

    def view(answer):
        results = [
            (status, code and kind_of(code, is_new=op == "create"), record and snapshot(record))
            for (status, code, record), (op, *_change) in zip(answer[0], changes, strict=True)
        ]
        return [("refused", code) if code else (status, record) for status, code, record in results], answer[1]

    yield Probe(f"each of {changes} of {entity}", lambda: _done(q, entity, changes), call, view,
                told=lambda answer: answer[0], writes=True, in_part=True)  # fmt: skip


def _drawn(q: Questioner, steps: Steps, entity: str) -> Iterator[Change]:
    """Yield changes, of which neighbours are often alike, and concern the same record sometimes."""
    declared = q.world.entities[entity]
    ops = ["create", "update", "update", "delete"] + ["transfer"] * declared.owned + ["move"] * bool(declared.stages)
    unique = {name for group in declared.unique for name in group}
    for op in (q.chance.one(ops) for _ in range(q.random.randint(1, 3))):
        many = q.random.randint(1, 3)
        if op == "create":
            for _ in range(many):
                row = q.chance.row(q.world, entity)
                yield op, q.chance.new_id(), None, {n: v for n, v in row.items() if v != declared.fields[n].default}
            continue
        same = _of_all(q, op, sorted(declared.stages))
        for id, version in steps.known(op, entity, many):
            # The database compares unique values row by row.
            change = {n: v for n, v in steps.change(entity).items() if n not in unique} if op == "update" else same
            yield op, id, q.chance.one([version, version, None]), change


def _of_all(q: Questioner, op: str, stages: list[str]) -> dict[str, Any]:
    """Return what neighbours have in common that are done together."""
    if op == "move":
        return {"stage": q.chance.one(["active", "lost", *stages])}
    if op == "transfer":
        team = q.chance.one([None, None, *TEAMS])
        return {"owner_id": q.chance.one([*USERS, None])} | ({"team_id": team} if team else {})
    return {}


def _done(q: Questioner, entity: str, changes: list[Change]) -> Any:
    """Return what becomes of each of *changes*, and the records as they then are."""
    if not exists(q, entity):
        raise Denied("not-found")
    world, results = q.world.fork(), list[Any]()
    for op, id, version, values in changes:
        try:
            world.commit(world.plan(q.p, [Write(op, entity, id, dict(values), version)]))
        except Denied as denied:
            results.append(("refused", kind_of(denied.code, is_new=op == "create")))
        else:
            told = None if op == "delete" else expected(world.read(q.p, entity, id))
            results.append((_STATUS[op], told))
    for place, (op, id, *_change) in enumerate(changes):
        # As the last change has left it, while it is seen.
        if results[place][0] in (200, 201) and world.visible(q.p, entity, id):
            results[place] = _STATUS[op], expected(world.read(q.p, entity, id))
    return results, q.play.wanted_state(world)
