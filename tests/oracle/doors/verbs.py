"""Doors of what plugins do by name: with the rights of who calls, and told as far as they may read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from crmkit.core.verbs.calling import call_verb
from tests.oracle import acts
from tests.oracle.acts import Act
from tests.oracle.doors.registry import Probe, Questioner, door, exists, through
from tests.oracle.doors.writes import doing
from tests.oracle.terms import Denied

_DEAL, _LINE, _FIRM = "trade.deal", "trade.line", "trade.firm"


def _argument(q: Questioner, entity: str, id: UUID, *, writes: bool = False) -> UUID:
    """Return the record that *id* leads to as the argument of a verb; one that *writes* takes no merged record.

    Raises:
        Denied: there is no such verb, or no such record.
    """
    if not exists(q, entity):
        raise Denied("no-verb")
    here: UUID | None = q.world.led_to(q.p, entity, id)
    if here is None or (writes and here != id):
        raise Denied("validation")
    return here


@door
def verb_that_reads(q: Questioner) -> Iterator[Probe]:
    for id in dict.fromkeys([*q.ids(_DEAL, 1), *q.seen(_DEAL)[:2]]):

        def want(id=id):
            deal = _argument(q, _DEAL, id)
            lines = q.world.find(q.p, _LINE, ("==", "deal_id", deal))
            return [_told(q.world.read(q.p, _LINE, line)) for line in lines]

        def call(db, id=id):
            return through(db, call_verb, "trade.lines", {"deal": str(id)})

        yield Probe(f"lines of {id} by a verb", want, call, lambda lines: [_told(line) for line in lines])


def _told(line: dict[str, Any]) -> tuple[str, list[str], str | None]:
    return str(line["id"]), sorted(name for name in line if name != "deleted"), line.get("note")


@door
def verb_that_writes(q: Questioner) -> Iterator[Probe]:
    id, name = q.chance.id_of(q.world, _FIRM), q.chance.one(["Ada", "New", "上海"])

    def plan(world, p):
        firm = _argument(q, _FIRM, id, writes=True)
        return acts.update(_FIRM, [(firm, None, {"name": name})]).plan(world, p)  # type: ignore[list-item]

    def run(db):
        return through(db, call_verb, "trade.rename", {"firm": str(id), "name": name})

    yield doing(q, Act(f"rename {id} to {name} by a verb", plan, run))
