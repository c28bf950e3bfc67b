"""Doors that tell what somebody may do, and that what is hidden answers like what does not exist."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

from crmkit import Rule, count, total
from crmkit.core.entity import entity_info
from crmkit.core.errors import CrmkitError
from tests.oracle.acts import CLASSES, EXTENSION, stub
from tests.oracle.doors.reads import found
from tests.oracle.doors.registry import Probe, Questioner, door
from tests.oracle.mirror import VERBS
from tests.oracle.terms import Denied


@door
def may(q: Questioner) -> Iterator[Probe]:
    for _ in range(4):
        entity, verb = q.entity(), q.chance.one(sorted(VERBS))
        id = q.chance.id_of(q.world, entity)
        yield Probe(
            f"may {verb} {entity} {id}",
            lambda entity=entity, verb=verb, id=id: q.world.may(q.p, verb, entity, id),
            lambda db, entity=entity, verb=verb, id=id: db.may(verb, stub(entity, id)),
        )


@door
def allowed_ids(q: Questioner) -> Iterator[Probe]:
    entity, verbs = q.entity(), sorted(VERBS)
    info, ids = entity_info(CLASSES[entity]), sorted(q.world.records[entity])
    yield Probe(
        f"allowed ids of {entity}",
        lambda: {verb: [id for id in ids if q.world.may(q.p, verb, entity, id)] for verb in verbs},
        lambda db: {verb: sorted(db.allowed_ids(info, verb, ids)) for verb in verbs},
    )


@door
def shares(q: Questioner) -> Iterator[Probe]:
    shared = sorted({key[:2] for key in q.world.shares}, key=str)
    entity = q.entity()
    some = [*q.chance.some(shared, 2), (entity, q.chance.id_of(q.world, entity))]
    for entity, id in some:

        def want(entity=entity, id=id):
            here = (entity, found(q, entity, id))
            every, mine = q.world.may(q.p, "share", *here), q.world.teams(q.p)
            told = []
            for key in q.world.shares:
                user, team = key[2:]
                is_known = (user == q.p or q.world.visible(q.p, "core.user", user)
                            or q.world.visible(q.p, "core.team", team))  # fmt: skip
                counts = key[:2] == here and q.world.level(key) is not None
                if counts and is_known and (every or user == q.p or team in mine):
                    told.append((user, team, q.world.level(key), q.world.ends.get(key)))
            return sorted(told, key=str)

        def view(shares):
            return sorted(((each.user_id, each.team_id, each.level, each.ends_at) for each in shares), key=str)

        yield Probe(f"shares of {entity} {id}", want, lambda db, e=entity, i=id: db.shares(stub(e, i)), view)


@door
def readable_fields(q: Questioner) -> Iterator[Probe]:
    yield Probe(
        "readable fields",
        lambda: {entity: sorted(q.world.readable(q.p, entity)) for entity in CLASSES},
        lambda db: {entity: sorted(db.readable_fields(cls)) for entity, cls in CLASSES.items()},
    )


@door
def explain(q: Questioner) -> Iterator[Probe]:
    entity, verb = q.entity(), q.chance.one(sorted(VERBS))
    me = q.play.principal(q.p)
    for asker in (q.p, None):
        alive = [id for id, row in sorted(q.world.records[entity].items()) if not row["deleted"]]
        id = q.chance.one(alive) if alive else q.chance.new_id()

        def want(asker=asker, id=id):
            if not q.world.visible(asker, entity, id):
                raise Denied("not-found")
            # Whoever may create such a record need not see this one.
            allowed = q.world.allowed(q.p, verb, entity, q.world.records[entity][id])
            return "yes" if allowed and (verb == "create" or q.world.visible(q.p, entity, id)) else "no"

        yield Probe(
            f"explain {verb} {entity} {id}, asked by {'the same' if asker else 'the system'}",
            want,
            lambda db, asker=asker, id=id: q.play.crm.explain(
                me, verb, stub(entity, id), asker=q.play.principal(asker)
            ),
            lambda explanation: explanation.answer,
            told=lambda explanation, asker=asker: explanation if asker else "what the system is told",
        )


# Ways to ask for a field by its name. Each must answer for a hidden one what it answers for one that does not exist.
ASKING: dict[str, Callable[[Any, str, str, UUID | None], Any]] = {
    "where": lambda db, entity, name, id: db.find(CLASSES[entity], f"{name} == null"),
    "where built": lambda db, entity, name, id: db.count(CLASSES[entity], _path(entity, name).is_null()),
    "order_by": lambda db, entity, name, id: db.find(CLASSES[entity], order_by=f"-{name}"),
    "page order": lambda db, entity, name, id: db.page(CLASSES[entity], order_by=["id", name], limit=1),
    "group_by": lambda db, entity, name, id: db.aggregate(CLASSES[entity], group_by=[name], measures={"n": count()}),
    "measure": lambda db, entity, name, id: db.aggregate(CLASSES[entity], measures={"n": total(name)}),
    "counted": lambda db, entity, name, id: db.aggregate(CLASSES[entity], measures={"n": count(name)}),
    "nested": lambda db, entity, name, id: db.find(CLASSES[entity], f'version > 0 && !({name} == null)'),
    "behind": lambda db, entity, name, id: db.find(CLASSES[entity], f"{name.removesuffix('_id')}.name == null"),
    "expand": lambda db, entity, name, id: db.expand([stub(entity, id)] if id else [], name.removesuffix("_id")),
    "attribute": lambda db, entity, name, id: _attribute(db, entity, name, id),
}  # fmt: skip


def _path(entity: str, name: str) -> Any:
    found: Any = CLASSES[entity].f
    for part in name.split("."):
        found = found[part]
    return found


def _attribute(db: Any, entity: str, name: str, id: UUID | None) -> Any:
    if id is None:
        return None
    record = db.get(CLASSES[entity], id)
    _extension, dot, inner = name.rpartition(".")
    return getattr(EXTENSION.of(db, record) if dot else record, inner)


@door
def hidden_fields(q: Questioner) -> Iterator[Probe]:
    for _ in range(2):
        entity = q.entity()
        hidden = sorted(
            {*q.world.entities[entity].fields, *q.world.entities[entity].computed} - q.world.readable(q.p, entity)
        )
        if not hidden:
            continue
        name, way = q.chance.one(hidden), q.chance.one(sorted(ASKING))
        if (name, way) == ("custom", "behind"):
            # What stands behind that word is a field of its own, and missing under its own name.
            continue
        id = next(iter(q.seen(entity)), None)
        # The name of a missing field has the form of the hidden one: of the same extension, a reference or not.
        stem, dot, inner = name.rpartition(".")
        missing = f"{stem}{dot}{'nosuch_id' if inner.endswith('_id') else 'nosuch'}"

        def call(db, entity=entity, name=name, way=way, missing=missing, id=id):
            told = [
                _told(lambda asked=asked: ASKING[way](db, entity, asked, id), asked, asked.removesuffix("_id"))
                for asked in (name, missing)
            ]
            return told[0] if told[0] != told[1] else "the same"

        def want(entity=entity, name=name):
            return "the same"

        yield Probe(f"{way}: {name} of {entity}, which is hidden", want, call, lambda told: told)


def _told(ask: Callable[[], Any], *names: str) -> str:
    """Return what is answered, without the *names* that were asked for."""
    try:
        return repr(ask())
    except CrmkitError as error:
        text = f"{type(error).__name__}: {error}"
    for name in (*names, *(name.rpartition(".")[2] for name in names)):
        text = text.replace(repr(name), "'…'")
    return text


@door
def paths_to_hidden_fields(q: Questioner) -> Iterator[Probe]:
    entity, relation, to = q.chance.one(
        [("trade.deal", "firm", "trade.firm"), ("trade.line", "deal", "trade.deal"),
         ("trade.firm", "parent", "trade.firm"),
         ("trade.deal", "owner", "core.user"), ("custom.project", "firm", "trade.firm"),
         ("trade.deal", "custom.project", "custom.project"), ("custom.project", "custom.deal", "trade.deal")]
    )  # fmt: skip
    hidden = sorted(q.world.entities[to].fields.keys() - q.world.readable(q.p, to))
    name = q.chance.one(hidden or ["nosuch"])
    missing = f"{name.rpartition('.')[0]}.nosuch" if "." in name else "nosuch"

    def call(db):
        told = [
            _told(lambda asked=asked: db.count(CLASSES[entity], Rule.parse(f"{relation}.{asked} == null")), asked)
            for asked in (name, missing)
        ]
        return told[0] if told[0] != told[1] else "the same"

    yield Probe(f"{relation}.{name} of {entity}, which is hidden", lambda: "the same", call)
