"""Doors of the lease table: which jobs somebody sees, what is told of them, and who may have them done again or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from tests.oracle.doors.registry import Probe, Questioner, door
from tests.oracle.terms import Denied

Names = Sequence[str]
_NAMES = ("id", "kind", "name", "state", "payload", "cause", "details")
_APPLIES = {"retry": ("ready", "dead", "cancelled"), "cancel": ("ready", "dead")}


def _visible(q: Questioner) -> list[UUID]:
    every = q.world.may_work(q.p, "read")
    return [id for id, work in sorted(q.world.work.items()) if every or q.world.is_own(q.p, work)]


def _told(q: Questioner, id: UUID, names: Names) -> tuple[Any, ...]:
    work = q.world.work[id]
    inside = ({"of": work.name}, "why", "all of it") if q.world.reads_everything(q.p) else (None, None, None)
    told = dict(zip(_NAMES, (id, work.kind, work.name, work.state, *inside), strict=True))
    return tuple(told[name] for name in names)


def _view(job: Any, names: Names) -> tuple[Any, ...]:
    return tuple(getattr(job, name) for name in names)


def _any(q: Questioner) -> UUID:
    return q.chance.one([*sorted(q.world.work), q.chance.new_id()])


@door
def jobs(q: Questioner) -> Iterator[Probe]:
    return jobs_with(q, _NAMES)


def jobs_with(q: Questioner, names: Names) -> Iterator[Probe]:
    """Yield questions about jobs of which *names* are told, the id first."""
    state = q.chance.one([None, "ready", "dead"])

    def want():
        counts = sum(q.world.work[id].state == "ready" for id in _visible(q))
        return [_told(q, id, names) for id in _visible(q) if state in (None, q.world.work[id].state)], counts

    def call(db):
        return db.jobs.find(state=state, limit=100), db.jobs.count("ready")

    def view(answer):
        return sorted(_view(job, names) for job in answer[0]), answer[1]

    yield Probe(f"jobs, {state}", want, call, view)
    for _ in range(2):
        id = _any(q)

        def one(id=id):
            if id not in _visible(q):
                raise Denied("not-found")
            return _told(q, id, names)

        yield Probe(f"job {id}", one, lambda db, id=id: db.jobs.get(id), lambda job: _view(job, names))


@door
def job_changes(q: Questioner) -> Iterator[Probe]:
    for verb, state in (("cancel", "cancelled"), ("retry", "ready")):
        seen = _visible(q)
        id = q.chance.one(seen) if seen and q.chance.likely(60) else _any(q)

        def want(verb=verb, state=state, id=id):
            if id not in _visible(q):
                raise Denied("not-found")
            work = q.world.work[id]
            is_own = verb == "cancel" and q.world.is_own(q.p, work)
            if not (is_own or q.world.may_work(q.p, "update")):
                raise Denied("forbidden")
            if work.kind == "schedule" or work.state not in _APPLIES[verb]:
                raise Denied("inapplicable-verb")
            return state

        def call(db, verb=verb, id=id):
            return getattr(db.jobs, verb)(id)

        yield Probe(f"{verb} job {id}", want, call, lambda job: job.state, writes=True)
