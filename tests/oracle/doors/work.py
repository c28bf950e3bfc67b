"""Doors of the lease table: which jobs somebody sees, what is told of them, and who may have them done again or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from tests.oracle.doors.registry import Probe, Questioner, door
from tests.oracle.terms import Denied

_APPLIES = {"retry": ("ready", "dead", "cancelled"), "cancel": ("ready", "dead")}


def _visible(q: Questioner) -> list[UUID]:
    every = q.world.may_work(q.p, "read")
    return [id for id, work in sorted(q.world.work.items()) if every or q.world.is_own(q.p, work)]


def _told(q: Questioner, id: UUID) -> tuple[Any, ...]:
    work = q.world.work[id]
    inside = ({"of": work.name}, "why", "all of it") if q.world.reads_everything(q.p) else (None, None, None)
    return (id, work.kind, work.name, work.state, *inside)


def _view(job: Any) -> tuple[Any, ...]:
    return job.id, job.kind, job.name, job.state, job.payload, job.cause, job.details


def _any(q: Questioner) -> UUID:
    return q.chance.one([*sorted(q.world.work), q.chance.new_id()])


@door
def jobs(q: Questioner) -> Iterator[Probe]:
    state = q.chance.one([None, "ready", "dead"])

    def want():
        told = [_told(q, id) for id in _visible(q)]
        counts = sum(each[3] == "ready" for each in told)
        return [each for each in told if state in (None, each[3])], counts

    def call(db):
        return db.jobs.find(state=state, limit=100), db.jobs.count("ready")

    def view(answer):
        return sorted(map(_view, answer[0])), answer[1]

    yield Probe(f"jobs, {state}", want, call, view)
    for _ in range(2):
        id = _any(q)

        def one(id=id):
            if id not in _visible(q):
                raise Denied("not-found")
            return _told(q, id)

        yield Probe(f"job {id}", one, lambda db, id=id: db.jobs.get(id), _view)


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
