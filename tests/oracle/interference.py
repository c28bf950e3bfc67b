"""Two worlds that differ only in what somebody may not see answer that person byte for byte the same.

Every door is asked; then secrets are changed behind crmkit's back, as if they had always been so; then every door is
asked the same questions again. Where the model says that the answer stays, nothing in its text may change, errors,
counts, cursors and moments included. Where the model says that it changes (a conflict with a hidden record, one of
the accepted side channels), the probe proves nothing and is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from random import Random
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from crmkit.core.searching.rebuilding import make_words
from tests.oracle.compare import Answer, answers, questions, wanted
from tests.oracle.credentials_table import draw_credential, rows_of_credential
from tests.oracle.doors import Probe, Questioner
from tests.oracle.lease_table import row_of_work
from tests.oracle.mirror import VERBS, Work
from tests.oracle.model_merging import Merge
from tests.oracle.play import Mismatch, Play
from tests.oracle.terms import ANY, Write
from tests.oracle.worlds import OWN_ENTITIES, SETTABLE, USERS, settable

__all__ = ["interfere"]

# Gaps in human numbers are accepted, and on PostgreSQL an undone write leaves one.
_NUMBER = re.compile(r"D-\d+")
Statement = sa.Update | sa.Insert | sa.Delete


class Secrets:
    """Changes what one principal does not see, in the tables and in the model, and takes it back."""

    def __init__(self, q: Questioner) -> None:
        self.q, self.tables = q, q.play.crm.schema.tables
        self.done: list[Statement] = []
        self.undo: list[Statement] = []
        self.model: list[Callable[[Any], None]] = []
        self.merged: set[UUID] = set()
        #: The records in which something else stands, whose words must be kept anew.
        self.touched: dict[str, set[UUID]] = {}

    def draw(self) -> None:
        """Think of some changes."""
        for _ in range(8):
            made = self.q.chance.one(
                [self.hidden_value, self.hidden_value, self.unseen_value, self.unseen_record, self.unseen_name,
                 self.unseen_end, self.unseen_merge, self.others_share, self.unseen_work,
                 self.unseen_credential]
            )  # fmt: skip
            made()
        self._keys_of_firms()

    def _keys_of_firms(self) -> None:
        """Let the keys by which duplicates are found be those of the firms as they are then."""
        crm, entity = self.q.play.crm, "trade.firm"
        table, matcher = crm.schema.system.match_key, crm.registry.matchers[entity]
        world = self.q.play.after(lambda other: [change(other) for change in self.model])
        rows = [(key, id) for id, row in world.records[entity].items() for key in sorted(matcher.of(row))]
        with crm.storage.reading() as connection:
            before = connection.execute(sa.select(table.c.key, table.c.record_id)).all()
        # Taking back begins with the last statement.
        self.done.append(sa.delete(table))
        self.undo = [*_inserted(table, entity, before), sa.delete(table), *self.undo]
        self.done += _inserted(table, entity, rows)

    def hidden_value(self) -> None:
        """Give a field that is hidden another value in a record that is seen."""
        entity = self.q.chance.one([*OWN_ENTITIES, "trade.deal"])
        hidden = sorted(set(settable(entity)) - self.q.world.readable(self.q.p, entity))
        if (ids := self.q.seen(entity)) and hidden:
            self.set(entity, self.q.chance.one(ids), self.q.chance.one(hidden))

    def unseen_value(self) -> None:
        """Give any field another value in a record that is not seen."""
        entity = self.q.chance.one(OWN_ENTITIES)
        unseen = sorted(self.q.world.records[entity].keys() - set(self.q.seen(entity)))
        if unseen:
            self.set(entity, self.q.chance.one(unseen), self.q.chance.one(SETTABLE[entity]))

    def set(self, entity: str, id: UUID, name: str) -> None:
        value = f"secret {self.q.random.random()}" if name == "tax" else self.q.chance.value(self.q.world, entity, name)
        if isinstance(value, UUID) and value not in self.q.world.records[self.q.world.entities[entity].fields[name].to]:
            return
        points = self.q.world.entities[entity].fields[name].to == ANY
        if points and value and self.q.world.entities[value[0]].hangs:
            # No writer lets a note be about a note: two could be about each other.
            return
        if entity == "trade.partner" and name != "part":
            return
        old = self.q.world.records[entity][id][name]
        table, key = self.tables[entity.replace(".", "_")], "id"
        if name.startswith("extra."):
            table, key = self.tables["extra_trade_deal"], "record_id"
        columns = [_columns(self.q, entity, name, each) for each in (value, old)]
        if name.startswith("custom."):
            columns = [{"custom": self._kept(table, name, each)} for each in (value, old)]
        self.done.append(sa.update(table).where(table.c[key] == id).values(columns[0]))
        self.undo.append(sa.update(table).where(table.c[key] == id).values(columns[1]))
        self._rewrite_history(entity, id, name)
        self._touch(entity, id)
        self.model.append(
            lambda world: world.records[entity].__setitem__(id, world.records[entity][id] | {name: value})
        )

    def _touch(self, entity: str, id: UUID) -> None:
        self.touched.setdefault(entity, set()).add(id)

    def keep_words(self) -> None:
        """Let records be found by the words that they have now."""
        with self.q.play.crm.system("secrets") as db:
            for entity, ids in sorted(self.touched.items()):
                make_words(db, db.model.searched[entity], sorted(ids))

    def _kept(self, table: sa.Table, name: str, value: Any) -> Any:
        """Return the custom fields of a row with another value in one of them."""
        slot, text = name.removeprefix("custom."), json.dumps(value, default=str)
        if self.q.play.crm.storage.is_sqlite:
            kept = sa.func.json_set(table.c.custom, f"$.{slot}", sa.func.json(text))
        else:
            kept = sa.func.jsonb_set(table.c.custom, sa.text(f"'{{{slot}}}'"), sa.text(f"'{text}'::jsonb"))
        return sa.type_coerce(kept, table.c.custom.type)

    def _rewrite_history(self, entity: str, id: UUID, name: str) -> None:
        system = self.q.play.crm.schema.system
        both = system.ledger.join(system.ledger_payload, system.ledger_payload.c.ledger_id == system.ledger.c.id)
        with self.q.play.crm.storage.reading() as connection:
            told = sa.select(system.ledger_payload.c.ledger_id, system.ledger_payload.c.changes).select_from(both)
            mine = (system.ledger.c.entity == entity, system.ledger.c.record_id == id)
            rows = connection.execute(told.where(*mine)).all()
        for number, changes in rows:
            found = json.loads(changes)
            if name in found:
                payload = system.ledger_payload
                for statements, text in (
                    (self.done, json.dumps(found | {name: ["this", "that"]})),
                    (self.undo, changes),
                ):
                    statements.append(sa.update(payload).where(payload.c.ledger_id == number).values(changes=text))

    def unseen_record(self) -> None:
        """Let there be another record, like one that there is, which is not seen."""
        entity = self.q.chance.one(OWN_ENTITIES)
        like = self.q.chance.living(self.q.world, entity)
        if like is None or entity == "trade.partner":
            return
        id = self.q.chance.new_id()
        other = {"owner_id": None, "team_id": None} if self.q.world.entities[entity].owned else {}
        row = (
            self.q.world.records[entity][like] | {"id": id, **({"tax": None} if entity == "trade.firm" else {})} | other
        )
        if self.q.world.sees(self.q.p, entity, row):
            return
        table = self.tables[entity.replace(".", "_")]
        names = [column.name for column in table.columns]
        stored = sa.select(*(_given(table.c[n], row, id, self.q, entity) for n in names)).where(table.c.id == like)
        self.done.append(sa.insert(table).from_select(names, stored))
        self.undo.append(sa.delete(table).where(table.c.id == id))
        document = self.q.play.crm.schema.system.search_document
        self.undo.append(sa.delete(document).where(document.c.record_id == id))
        self._touch(entity, id)
        self.model.append(lambda world: world.records[entity].__setitem__(id, row))

    def unseen_name(self) -> None:
        """Let somebody who is not seen, or whose name is hidden, have another name."""
        user = self.q.chance.one(USERS)
        seen = self.q.world.visible(self.q.p, "core.user", user) and "name" in self.q.world.readable(
            self.q.p, "core.user"
        )
        if seen or user == self.q.p:
            return
        old, new = self.q.world.records["core.user"][user]["name"], "Somebody else"
        table, ledger = self.tables["core_user"], self.q.play.crm.schema.system.ledger
        for statements, name, other in ((self.done, new, old), (self.undo, old, new)):
            statements.append(sa.update(table).where(table.c.id == user).values(name=name))
            told = sa.update(ledger).where(ledger.c.principal_id == user, ledger.c.cause == other)
            statements.append(told.values(cause=name))
        self._touch("core.user", user)
        self.model.append(
            lambda world: world.records["core.user"].__setitem__(user, world.records["core.user"][user] | {"name": new})
        )

    def unseen_end(self) -> None:
        """Let a record that is not seen be in the bin."""
        entity = self.q.chance.one(OWN_ENTITIES)
        alive = [id for id, row in sorted(self.q.world.records[entity].items()) if not row["deleted"]]
        unseen = [id for id in alive if id not in self.q.seen(entity)]
        if not unseen:
            return
        id, table = self.q.chance.one(unseen), self.tables[entity.replace(".", "_")]
        at = self.q.play.crm.clock.now()
        self.done.append(sa.update(table).where(table.c.id == id).values(deleted_at=at))
        self.undo.append(sa.update(table).where(table.c.id == id).values(deleted_at=None))
        self._touch(entity, id)
        self.model.append(
            lambda world: world.records[entity].__setitem__(id, world.records[entity][id] | {"deleted": True})
        )

    def unseen_merge(self) -> None:
        """Let a record that is not seen have been merged into another one that is not seen either."""
        entity = self.q.chance.one(OWN_ENTITIES)
        alive = [id for id, row in sorted(self.q.world.records[entity].items()) if not row["deleted"]]
        unseen = [id for id in alive if id not in self.q.seen(entity) and id not in self.merged]
        if len(unseen) < 2:
            return
        loser, winner = self.q.random.sample(unseen, 2)
        # Nothing is merged twice, nor in a circle.
        self.merged |= {loser, winner}
        table, merged = self.tables[entity.replace(".", "_")], self.q.play.crm.schema.system.merge
        named = {"entity": entity, "record_id": loser, "winner_id": winner, "number": self.q.play.numbers.get(loser)}
        self.done.append(sa.update(table).where(table.c.id == loser).values(deleted_at=self.q.play.crm.clock.now()))
        self.done.append(sa.insert(merged).values(**named, first_id=1, last_id=0))
        self.undo.append(sa.update(table).where(table.c.id == loser).values(deleted_at=None))
        self._touch(entity, loser)
        self.undo.append(sa.delete(merged).where(merged.c.entity == entity, merged.c.record_id == loser))

        def change(world: Any) -> None:
            world.records[entity][loser] = world.records[entity][loser] | {"deleted": True}
            world.merged[entity, loser] = Merge(winner, Write("update", entity, winner), [], [], [])

        self.model.append(change)

    def unseen_work(self) -> None:
        """Let somebody else have work done, and let there be no more of other work that is not seen."""
        if self.q.world.may_work(self.q.p, "read"):
            return
        id, crm = self.q.chance.new_id(), self.q.play.crm
        work = Work(self.q.chance.one(["job", "delivery"]), "trade.other", "ready", self.q.chance.one([*USERS, None]))
        if self.q.world.is_own(self.q.p, work):
            return
        table = crm.schema.system.job
        self.done.append(row_of_work(crm, id, work))
        self.undo.append(sa.delete(table).where(table.c.id == id))
        self.model.append(lambda world: world.work.__setitem__(id, work))

    def unseen_credential(self) -> None:
        """Let somebody else have another session, or another token."""
        crm, id = self.q.play.crm, self.q.chance.new_id()
        each = draw_credential(self.q.chance, crm.clock.now())
        if self.q.world.may_know(self.q.p, "read", each):
            return
        made = rows_of_credential(crm, id, each)
        self.done += made
        self.undo += [sa.delete(row.table).where(row.table.primary_key.columns[0] == id) for row in made]
        self.model.append(lambda world: world.credentials.__setitem__(id, each))

    def others_share(self) -> None:
        """Share a record with somebody else."""
        entity = self.q.chance.one(["trade.deal", "trade.firm", "trade.line"])
        user = self.q.chance.one([user for user in USERS if user != self.q.p])
        id = self.q.chance.living(self.q.world, entity)
        key = (entity, id, user, None)
        if id is None or key in self.q.world.shares:
            return
        # Whoever shares it again gets to know the id, as they could before: they are told with whom it is shared.
        table, share = self.tables["core_share"], _as_crmkit_makes_it(self.q.chance.new_id())
        at = self.q.play.crm.clock.now()
        self.done.append(
            sa.insert(table).values(
                id=share, version=1, created_at=at, updated_at=at, custom={}, record_entity=entity, record_id=id,
                user_id=user, level="write",
            )
        )  # fmt: skip
        self.undo.append(sa.delete(table).where(table.c.id == share))
        self.model.append(lambda world: world.shares.__setitem__(key, "write"))


def _as_crmkit_makes_it(id: UUID) -> UUID:
    return UUID(f"01{id.hex[2:12]}7{id.hex[13:]}")


def _inserted(table: sa.Table, entity: str, rows: Iterable[Any]) -> list[Statement]:
    return [sa.insert(table).values(entity=entity, key=key, record_id=id) for key, id in rows]


def _columns(q: Questioner, entity: str, name: str, value: Any) -> dict[str, Any]:
    if name == "worth":
        minor, currency, base = value or (None, None, None)
        return {"worth_minor": minor, "worth_currency": currency, "worth_base": base}
    if q.world.entities[entity].fields[name].to == ANY:
        return {f"{name}_entity": value and value[0], f"{name}_id": value and value[1]}
    return {name.removeprefix("extra."): value}


def _given(column: Any, row: dict[str, Any], id: UUID, q: Questioner, entity: str) -> Any:
    if column.name in ("id", "owner_id", "team_id", "tax"):
        return sa.literal(row[column.name], column.type)
    if column.name == "code":
        return sa.literal(f"D-{id.int % 10**9}", column.type)
    return column


def interfere(play: Play, p: UUID, seed: int, doors: Iterable[str] = ()) -> None:
    """Ask *doors*, or all, as *p* before and after secrets change.

    Raises:
        Mismatch: an answer tells the difference.
    """
    probes = questions(play, p, seed, doors)
    before = answers(play, p, probes)
    expected_before = _expected(play, p, probes)
    secrets = Secrets(Questioner(play, p, Random(f"{seed} secrets")))
    secrets.draw()
    world = play.world
    try:
        _run(play, secrets.done)
        secrets.keep_words()
        play.world = play.after(lambda other: [change(other) for change in secrets.model])
        after = answers(play, p, probes)
        expected_after = _expected(play, p, probes)
    finally:
        play.world = world
        _run(play, reversed(secrets.undo))
        secrets.keep_words()
    for probe, *told in zip(probes, before, after, expected_before, expected_after, strict=True):
        _compare(play, p, probe, *told)


def _compare(play: Play, p: UUID, probe: Probe, before: Answer, after: Answer, one: Any, other: Any) -> None:
    if one != other:
        return
    play.compared += 1
    texts = [_NUMBER.sub("D-…", answer.text) for answer in (before, after)]
    if texts[0] != texts[1]:
        raise Mismatch(f"{p.hex[-2:]}: {probe.label}: tells a secret", texts[0], texts[1])


def _expected(play: Play, p: UUID, probes: Iterable[Probe]) -> list[Any]:
    """Return for each of *probes* what decides its answer."""
    # Which record of a batch is refused first hangs on what may be done to each, and the model tells the code alone.
    rights = _rights(play, p)
    expected: list[Any] = []
    for probe in probes:
        found = wanted(play, p, probe)
        is_refused = isinstance(found[0], tuple) and found[0][:1] == ("error",)
        told = found if is_refused else repr(probe.told(found[0]))
        hangs_on_rights = probe.in_part or (is_refused and (probe.writes or probe.several))
        expected.append((told, hangs_on_rights and rights))
    return expected


def _rights(play: Play, p: UUID) -> list[tuple[str, UUID, str]]:
    """Return what *p* may do to which records."""
    return [
        (entity, id, verb)
        for entity in OWN_ENTITIES
        for id in sorted(play.world.records[entity])
        if play.world.visible(p, entity, id)
        for verb in sorted(VERBS)
        if play.world.allowed(p, verb, entity, play.world.records[entity][id])
    ]


def _run(play: Play, statements: Any) -> None:
    with play.crm.storage.writing() as connection:
        for statement in statements:
            connection.execute(statement)
