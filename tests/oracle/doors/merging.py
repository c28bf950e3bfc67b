"""Doors of merging: doing it and telling apart again, looking first, and what the ids of merged records lead to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from crmkit.core.merging.unmerge import Unmerged
from tests.oracle.acts import CLASSES, Act, stub
from tests.oracle.doors.reads import found, records, views
from tests.oracle.doors.registry import Probe, Questioner, door
from tests.oracle.doors.writes import doing
from tests.oracle.phrases import expected, plain
from tests.oracle.play import code_of, planned
from tests.oracle.steps import Steps
from tests.oracle.terms import Denied


@door
def merge(q: Questioner) -> Iterator[Probe]:
    for _ in range(2):
        yield doing(q, Steps(q.play, q.random, q.p).draw_merge())


@door
def unmerge(q: Questioner) -> Iterator[Probe]:
    act = Steps(q.play, q.random, q.p).draw_unmerge()
    yield doing(q, act)
    # What is left as it was is told as well, and must tell no secret.
    entity, id = act.entity, act.returns[0]

    def want():
        outcomes, commit = planned(q.world, q.p, act)
        if commit is None:
            raise Denied(*outcomes)
        return [expected(q.play.after(commit).read(q.p, entity, id))]

    def told(answer):
        # What is left depends on all that may be seen, also in the bin.
        return answer if isinstance(answer, Unmerged) else (answer, _all_that_is_seen(q))

    yield Probe(f"{act.label}, what is left", want, lambda db: db.unmerge(CLASSES[entity], id),
                lambda answer: views([answer.record]), told, writes=True)  # fmt: skip


def _all_that_is_seen(q: Questioner) -> dict[str, Any]:
    return {
        entity: records(q, entity, [*q.seen(entity), *q.world.find(q.p, entity, deleted=True)]) for entity in CLASSES
    }


@door
def merge_preview(q: Questioner) -> Iterator[Probe]:
    for _ in range(2):
        entity, asked, choose = Steps(q.play, q.random, q.p).merging()

        def want(entity=entity, asked=asked, choose=choose):
            plan = q.world.prepare_merge(q.p, entity, asked, choose)
            ids = [id for id, _version in asked]
            told = [w for w in (*plan.following, *plan.folded) if q.world.visible(q.p, w.entity, w.id)]
            counts = Counter(
                (w.entity, name)
                for w in told
                if w.kind == "update"
                for name in w.values
                if name in q.world.readable(q.p, w.entity)
            )
            folded = Counter(w.entity for w in told if w.kind == "delete")
            names = sum(kind == entity and id in ids[1:] for (_, kind, _), id in q.world.externals.items())
            differing = {n for n in q.world.mergeable(entity) if n in q.world.readable(q.p, entity)}
            values = {n: [q.world.records[entity][id][n] for id in ids] for n in sorted(differing)}
            values = {n: some for n, some in values.items() if any(each != some[0] for each in some)}
            # Trying it is the last thing that a preview does.
            refusals, _commit = planned(q.world, q.p, Act("", lambda w, p: w.plan_merge(p, plan), lambda _: None))
            return records(q, entity, ids), values, dict(counts), dict(folded), names, refusals[-1]

        def call(db, entity=entity, asked=asked, choose=choose):
            winner, *losers = (stub(entity, *record) for record in asked)
            return db.merge_preview(winner, losers, choose=choose)

        def view(plan, asked=asked):
            values = {f.name: [plain(f.values[id]) for id, _ in asked] for f in plan.fields}
            counts = {(each.entity, each.field): each.count for each in plan.repointed if each.count}
            folded = {each.entity: each.folded for each in plan.repointed if each.folded}
            refusal = code_of(plan.refusal)
            return views([plan.winner, *plan.losers]), values, counts, folded, plan.external_ids, refusal

        yield Probe(f"merge preview {entity} {asked} choosing {choose}", want, call, view, writes=True)


@door
def found_by_merged_ids(q: Questioner) -> Iterator[Probe]:
    """Ask for what was merged, by everything that led to it."""
    merged = sorted(q.world.merged)
    for entity, id in q.chance.some(merged, 3):

        def want(entity=entity, id=id):
            return records(q, entity, [found(q, entity, id)])

        yield Probe(f"get {entity} {id}, merged", want, lambda db, e=entity, i=id: [db.get(CLASSES[e], i)], views)

        def history(entity=entity, id=id):
            return [kind for kind, _changes in q.world.history[entity, found(q, entity, id)]]

        yield Probe(f"history of {entity} {id}, merged", history,
                    lambda db, e=entity, i=id: db.history(stub(e, i)), lambda told: [e.kind for e in told])  # fmt: skip
        yield Probe(f"many of {entity} {id}, merged", dict, lambda db, e=entity, i=id: db.get_many(CLASSES[e], [i]))

    def by_number(id):
        if "code" not in q.world.readable(q.p, "trade.deal"):
            raise Denied("not-found")
        return records(q, "trade.deal", [found(q, "trade.deal", id)])

    for id in (id for entity, id in merged if entity == "trade.deal" and id in q.play.numbers):
        number = q.play.numbers[id]
        yield Probe(f"get trade.deal {number}, merged", lambda id=id: by_number(id),
                    lambda db, n=number: [db.get(CLASSES["trade.deal"], n)], views)  # fmt: skip
