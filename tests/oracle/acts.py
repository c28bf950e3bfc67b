"""Things that somebody does: what the model makes of them, and the call of crmkit that does them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from crmkit.core.offboarding.offboard import offboard as core_offboard
from crmkit.core.offboarding.returning import take_back as core_take_back
from crmkit.core.offboarding.succession import Succession
from crmkit.core.policy.people import Team, User
from tests.oracle.extra.entities import DealExtra
from tests.oracle.model_writes import World
from tests.oracle.phrases import given
from tests.oracle.runtime import PROJECT
from tests.oracle.terms import Denied, Write
from tests.oracle.trade import entities as trade

__all__ = ["CLASSES", "EXTENSION", "Act", "create", "delete", "give", "given_all", "merge", "move", "offboard",
           "restore", "share", "stub", "take_back", "transfer", "unmerge", "unshare", "update"]  # fmt: skip

CLASSES: dict[str, Any] = {
    "core.team": Team,
    "core.user": User,
    "trade.firm": trade.Firm,
    "trade.deal": trade.Deal,
    "trade.line": trade.Line,
    "trade.partner": trade.Partner,
    "trade.note": trade.Note,
    "custom.project": PROJECT,
}
EXTENSION = DealExtra
Commit = Callable[[World], None]


@dataclass(frozen=True)
class Act:
    """*plan* raises Denied or returns what changes the model; *run* does it with a writer.

    *run* returns the records of *entity* with the ids *returns*.
    """

    label: str
    plan: Callable[[World, Any], Commit]
    run: Callable[[Any], Any]
    entity: str = ""
    returns: tuple[UUID, ...] = ()


def stub(entity: str, id: UUID, version: int = 1) -> Any:
    """Return a record with nothing but an id and a version, as somebody would make it up."""
    record = object.__new__(CLASSES[entity])
    object.__setattr__(record, "id", id)
    object.__setattr__(record, "version", version)
    return record


def _planned(*asked: tuple[Any, ...]) -> Callable[[World, Any], Commit]:
    def plan(world: World, p: Any) -> Commit:
        writes = world.plan(
            p, [Write(kind, entity, id, dict(values), version) for kind, entity, id, values, version in asked]
        )
        return lambda world: world.commit(writes)

    return plan


def _built(entity: str, id: UUID, values: dict[str, Any]) -> Any:
    custom = {name.removeprefix("custom."): value for name, value in values.items() if name.startswith("custom.")}
    own = {name: value for name, value in values.items() if not name.startswith("custom.")}
    return CLASSES[entity](id=id, **own, **({"custom": custom} if custom else {}))


def create(entity: str, rows: dict[UUID, dict[str, Any]]) -> Act:
    """Create records of *entity*: one, or several in a batch."""
    asked = [("create", entity, id, values, None) for id, values in rows.items()]

    def run(db: Any) -> Any:
        made = [_built(entity, id, given_all(values)) for id, values in rows.items()]
        return [db.create(made[0])] if len(made) == 1 else db.create_many(made)

    return Act(f"create {entity} {rows}", _planned(*asked), run, entity, tuple(rows))


def update(entity: str, changes: Sequence[tuple[UUID, int, dict[str, Any]]]) -> Act:
    """Change records; each is ``(id, version, values)``."""
    asked = [("update", entity, id, values, version) for id, version, values in changes]

    def run(db: Any) -> Any:
        pairs = [(stub(entity, id, version), given_all(values)) for id, version, values in changes]
        return [db.update(*pairs[0])] if len(pairs) == 1 else db.update_many(pairs)

    return Act(f"update {entity} {changes}", _planned(*asked), run, entity, tuple(change[0] for change in changes))


def delete(entity: str, records: Sequence[tuple[UUID, int]]) -> Act:
    """Delete records; each is ``(id, version)``."""
    asked = [("delete", entity, id, {}, version) for id, version in records]

    def run(db: Any) -> Any:
        made = [stub(entity, *record) for record in records]
        return db.delete(made[0]) if len(made) == 1 else db.delete_many(made)

    return Act(f"delete {entity} {records}", _planned(*asked), run)


def restore(entity: str, id: UUID) -> Act:
    """Take a record out of the bin."""
    return Act(
        f"restore {entity} {id}",
        _planned(("restore", entity, id, {}, None)),
        lambda db: [db.restore(CLASSES[entity], id)],
        entity,
        (id,),
    )


def transfer(entity: str, records: Sequence[tuple[UUID, int]], owner: UUID | None, team: UUID | None) -> Act:
    """Give records to an owner, and to a team."""
    values = {"owner_id": owner} | ({"team_id": team} if team else {})
    asked = [("transfer", entity, id, values, version) for id, version in records]

    def run(db: Any) -> Any:
        made = [stub(entity, *record) for record in records]
        return [db.transfer(made[0], owner, team=team)] if len(made) == 1 else db.transfer_many(made, owner, team=team)

    return Act(
        f"transfer {entity} {records} to {owner} {team}",
        _planned(*asked),
        run,
        entity,
        tuple(id for id, _version in records),
    )


def move(entity: str, records: Sequence[tuple[UUID, int]], stage: str) -> Act:
    """Move records to a stage."""
    asked = [("move", entity, id, {"stage": stage}, version) for id, version in records]

    def run(db: Any) -> Any:
        made = [stub(entity, *record) for record in records]
        return [db.move(made[0], stage)] if len(made) == 1 else db.move_many(made, stage)

    return Act(
        f"move {entity} {records} to {stage}", _planned(*asked), run, entity, tuple(id for id, _version in records)
    )


def share(
    entity: str, id: UUID, user: UUID | None, team: UUID | None, level: str, lasts: timedelta | None = None
) -> Act:
    """Share a record, for good or for a time."""

    def plan(world: World, p: Any) -> Commit:
        key = world.plan_share(p, entity, id, user, team, level)
        end = None if lasts is None else world.now() + lasts

        def commit(world: World) -> None:
            world.shares[key] = level
            world.ends.pop(key, None)
            world.ends |= {} if end is None else {key: end}

        return commit

    def run(db: Any) -> Any:
        until = None if lasts is None else db.now + lasts
        db.share(stub(entity, id), user=user, team=team, level=level, until=until)

    return Act(f"share {entity} {id} with {user} {team} {level} for {lasts}", plan, run)


def unshare(entity: str, id: UUID, user: UUID | None, team: UUID | None) -> Act:
    """End what is shared."""

    def plan(world: World, p: Any) -> Commit:
        key = world.plan_share(p, entity, id, user, team, None)

        def commit(world: World) -> None:
            world.shares.pop(key, None)
            world.ends.pop(key, None)

        return commit

    return Act(
        f"unshare {entity} {id} from {user} {team}", plan, lambda db: db.unshare(stub(entity, id), user=user, team=team)
    )


def offboard(leaver: UUID, successor: UUID, ended: list[Any]) -> Act:
    """Offboard somebody; what that takes from them is kept in *ended*."""

    def plan(world: World, p: Any) -> Commit:
        writes = world.plan_offboarding(p, leaver, successor)

        def commit(world: World) -> None:
            before = [(w, world.records[w.entity][w.id]) for w in writes]
            world.commit(writes)
            ended.append((before, world.end_rights(leaver)))

        return commit

    return Act(f"offboard {leaver} to {successor}", plan, lambda db: core_offboard(db, leaver, Succession(successor)))


def take_back(leaver: UUID, ended: list[Any]) -> Act:
    """Take an offboarding back, of which nothing has been changed since."""

    def plan(world: World, p: Any) -> Commit:
        world.enter(p)
        before, rights = ended[-1]
        if not (before or any(rights[0]) or rights[1]):
            raise Denied("not-offboarded")
        given = [(w.entity, w.id, row) for w, row in before if w.kind == "transfer"]
        writes = [
            Write("transfer", entity, id, row=world.records[entity][id] | {n: row[n] for n in ("owner_id", "team_id")})
            for entity, id, row in given
        ]
        # Whoever comes back is active, also if they were not when they left.
        user = world.records["core.user"][leaver]
        writes += [Write("update", "core.user", leaver, row=user | {"is_active": True})] * (not user["is_active"])

        def commit(world: World) -> None:
            world.commit(writes)
            world.return_rights(rights)

        return commit

    return Act(f"take back {leaver}", plan, lambda db: core_take_back(db, leaver))


def merge(entity: str, records: Sequence[tuple[UUID, int]], choose: dict[str, UUID]) -> Act:
    """Merge records into the first of them."""

    def plan(world: Any, p: Any) -> Commit:
        made = world.plan_merge(p, world.prepare_merge(p, entity, records, choose))
        return lambda world: world.commit_merge(copy.deepcopy(made))

    def run(db: Any) -> Any:
        winner, *losers = (stub(entity, *record) for record in records)
        return [db.merge(winner, losers, choose=choose)]

    return Act(f"merge {entity} {records} choosing {choose}", plan, run, entity, (records[0][0],))


def unmerge(entity: str, id: UUID) -> Act:
    """Take a merged record out of what it was merged into."""

    def plan(world: Any, p: Any) -> Commit:
        world.plan_unmerge(p, entity, id)
        return lambda world: world.unmerge(p, entity, id)

    return Act(f"unmerge {entity} {id}", plan, lambda db: [db.unmerge(CLASSES[entity], id).record], entity, (id,))


def give(system: str, entity: str, name: str, id: UUID) -> Act:
    """Give a record an external id; only those who may change the record may name it."""

    def plan(world: World, p: Any) -> Commit:
        world.enter(p)
        if not world.visible(p, entity, id):
            raise Denied("not-found")
        if not world.allowed(p, "update", entity, world.records[entity][id]):
            raise Denied("forbidden")
        if (system, entity, name) in world.externals:
            raise Denied("conflict")
        return lambda world: world.externals.__setitem__((system, entity, name), id)

    return Act(
        f"give {system} {entity} {name} to {id}", plan, lambda db: db.external.give(system, CLASSES[entity], {name: id})
    )


def given_all(values: dict[str, Any]) -> dict[str, Any]:
    """Return values of the model as crmkit takes them."""
    return {name: given(value) for name, value in values.items()}
