"""Doors of what the API tells around one record: everything at once, what is like it, and who may what with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crmkit.core.representing.plain import plain as to_json
from tests.oracle.acts import CLASSES, stub
from tests.oracle.doors.around import HOSTS, line_of, sections_of, shown_line, shown_sections
from tests.oracle.doors.likeness import alike, shown_alike
from tests.oracle.doors.reads import found, records, views
from tests.oracle.doors.registry import Probe, Questioner, exists
from tests.oracle.doors.rest.lending import http_door
from tests.oracle.mirror import VERBS
from tests.oracle.terms import Denied
from tests.oracle.worlds import USERS

_FIRM = "trade.firm"


@http_door
def overview(q: Questioner) -> Iterator[Probe]:
    entity = q.chance.one(HOSTS)
    for id in dict.fromkeys([*q.ids(entity, 1), *q.chance.some(q.seen(entity), 1)]):

        def want(id=id):
            record = records(q, entity, [found(q, entity, id)])
            return record, sections_of(q, entity, id), line_of(q, entity, id)

        def view(answer):
            return views([answer.record]), shown_sections(answer.sections), shown_line(answer.entries)

        yield Probe(f"overview of {entity} {id}", want, lambda db, id=id: db.overview(stub(entity, id)), view)


@http_door
def likenesses(q: Questioner) -> Iterator[Probe]:
    for id in dict.fromkeys([*q.ids(_FIRM, 1), *q.chance.some(q.seen(_FIRM), 2)]):

        def want(id=id):
            here = found(q, _FIRM, id)
            return alike(q, q.world.records[_FIRM][here], here)

        yield Probe(f"firms like {id}", want, lambda db, id=id: db.likenesses(stub(_FIRM, id)), shown_alike)
    ids = sorted(q.world.records[_FIRM])
    names = q.random.sample(["name", "city", "tax"], q.random.randint(1, 3))
    values = {name: q.world.records[_FIRM][q.chance.one(ids)][name] for name in names}

    def of_a_new_one():
        if not exists(q, _FIRM):
            raise Denied("not-found")
        if not q.world.readable(q.p, _FIRM).issuperset(values):
            raise Denied("unknown-field")
        return alike(q, dict.fromkeys(["name", "city", "tax"]) | values, q.p)

    yield Probe(f"firms like {values}", of_a_new_one,
                lambda db: db.matches_of(CLASSES[_FIRM], to_json(values)), shown_alike)  # fmt: skip


@http_door
def explain(q: Questioner) -> Iterator[Probe]:
    entity, verb = q.entity(), q.chance.one(sorted(VERBS))
    for about in (q.p, q.chance.one(USERS)):
        id = q.chance.id_of(q.world, entity)

        def want(about=about, id=id):
            here = found(q, entity, id)
            _check_may_ask(q, about)
            if not q.world.records["core.user"][about]["is_active"]:
                return "no"
            allowed = q.world.allowed(about, verb, entity, q.world.records[entity][here])
            return "yes" if allowed and (verb == "create" or q.world.visible(about, entity, here)) else "no"

        def call(db, about=about, id=id):
            return db.explain(about, verb, stub(entity, id))

        yield Probe(f"explain {verb} {entity} {id} for {about.hex[-2:]}", want, call, lambda told: told.answer)

    def in_general():
        if not exists(q, entity):
            raise Denied("not-found")
        return "told"

    yield Probe(f"explain {verb} {entity}", in_general,
                lambda db: db.explain_entity(CLASSES[entity], verb), _is_told)  # fmt: skip


def _check_may_ask(q: Questioner, about: Any) -> None:
    """Raise Denied unless the principal may know what somebody may do."""
    if about == q.p:
        return
    if not q.world.visible(q.p, "core.user", about):
        raise Denied("not-found")
    if (q.p, "core.administrator") not in q.world.assignments:
        raise Denied("forbidden")


def _is_told(explanation: Any) -> str:
    # Of what depends on the record, the model says nothing; two worlds do.
    return "told" if explanation.answer in ("yes", "no", "depends") else f"answered {explanation.answer}"
