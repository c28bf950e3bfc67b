"""Doors of what passes over HTTP as files and streams: exports and imports by jobs, and events as they happen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import attrs

from tests.oracle import acts
from tests.oracle.doors.events import shown_events, told_to
from tests.oracle.doors.exports import Wish
from tests.oracle.doors.registry import Probe, Questioner, exists
from tests.oracle.doors.rest.lending import http_door
from tests.oracle.http.caller import nameless
from tests.oracle.steps import SYSTEMS
from tests.oracle.terms import Denied


@http_door
def exported_by_job(q: Questioner) -> Iterator[Probe]:
    wish = Wish.drawn(q)
    yield Probe(f"export of {wish.label} by a job", lambda: wish.rows(q), lambda db: wish.written(db.export_by_job),
                wish.read, writes=True)  # fmt: skip


_IMPORTED = {"trade.firm": ["name", "city"], "trade.note": ["body"], "custom.project": ["name", "custom.motto"]}


@http_door
def imported(q: Questioner) -> Iterator[Probe]:
    table = _Table.drawn(q)

    def call(db):
        done = db.import_rows(*table.given, _ids(q, table))
        return done.refused, q.play.state(db.trusted)

    yield Probe(f"import of {table}", lambda: table.put(q), call, told=lambda answer: answer[0], writes=True)


@http_door
def import_tried(q: Questioner) -> Iterator[Probe]:
    table = _Table.drawn(q)

    def want():
        refused, state = table.put(q)
        return refused, q.play.wanted_state(q.world), state, True

    def call(db):
        tried = db.try_rows(*table.given)
        untouched = q.play.state(db.trusted)
        done = db.import_rows(*table.given, _ids(q, table))
        # Records that are refused are called by ids that nobody gets to see again.
        return tried.refused, untouched, q.play.state(db.trusted), nameless(repr(tried)) == nameless(repr(done))

    yield Probe(f"dry run of an import of {table}", want, call, told=lambda answer: answer[0], writes=True)


@attrs.frozen
class _Table:
    """Rows to be imported as records of *entity* by their ids in *system*, and ids that new records are called by."""

    entity: str
    system: str
    rows: dict[str, dict[str, Any]]
    new: dict[str, UUID] = attrs.field(repr=False)

    @classmethod
    def drawn(cls, q: Questioner) -> _Table:
        entity = q.chance.one(sorted(_IMPORTED))
        system, names = q.chance.one(SYSTEMS), _IMPORTED[entity]
        keys = q.random.sample([f"x{number}" for number in range(1, 15)], q.random.randint(1, 4))
        rows = {key: {name: q.chance.value(q.world, entity, name) for name in names} for key in keys}
        return cls(entity, system, rows, {key: q.chance.new_id() for key in keys})

    @property
    def given(self) -> tuple[str, str, dict[str, dict[str, Any]]]:
        """The arguments of an import."""
        given = {key: {name: value or "" for name, value in row.items()} for key, row in self.rows.items()}
        return self.entity, self.system, given

    def put(self, q: Questioner) -> tuple[int, Any]:
        """Return how many rows are refused, and what there is afterwards."""
        if not exists(q, self.entity) or not q.world.readable(q.p, self.entity).issuperset(_IMPORTED[self.entity]):
            raise Denied("import-plan")
        world, refused = q.world.fork(), 0
        for key, row in self.rows.items():
            try:
                _put(q, world, self.entity, (self.system, self.entity, key), row, self.new[key])
            except Denied:
                refused += 1
        return refused, q.play.wanted_state(world)


def _ids(q: Questioner, table: _Table) -> dict[str, UUID]:
    externals = q.world.externals
    return {key: externals.get((table.system, table.entity, key), id) for key, id in table.new.items()}


def _put(q: Questioner, world: Any, entity: str, name: tuple[str, str, str], row: dict[str, Any], new: UUID) -> None:
    """Do to *world* what one row of a file asks for.

    Raises:
        Denied: the row is refused.
    """
    found = world.known(q.p, *name[:2], [name[2]]).get(name[2])
    if found is None:
        if name in world.externals:
            raise Denied("conflict")
        acts.create(entity, {new: row}).plan(world, q.p)(world)
        world.externals[name] = new
        return
    id, is_deleted = found
    if is_deleted:
        raise Denied("conflict")
    acts.update(entity, [(id, None, row)]).plan(world, q.p)(world)  # type: ignore[list-item]


@http_door
def live_events(q: Questioner) -> Iterator[Probe]:
    yield Probe("live events", lambda: told_to(q), lambda db: db.live_events(), shown_events)
