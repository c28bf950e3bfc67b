"""A CRM and its model in lockstep: whatever is done is done to both, and they must agree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from crmkit import CRM, Principal
from crmkit.core.errors import CrmkitError
from tests.oracle import runtime
from tests.oracle.acts import CLASSES, EXTENSION, Act
from tests.oracle.mirror import TradeWorld, new_world
from tests.oracle.phrases import expected, snapshot
from tests.oracle.terms import SYSTEM, Denied

__all__ = ["Mismatch", "Play"]


class Mismatch(AssertionError):
    """crmkit and the model disagree."""

    def __init__(self, what: str, wanted: object, got: object) -> None:
        super().__init__(f"{what}\n" + "\n".join(differences(wanted, got)))


class Play:
    """One CRM on an empty database, and the world that its model has of it."""

    def __init__(self, crm: CRM) -> None:
        self.crm = crm
        self.world: TradeWorld = new_world()
        self.world.now = crm.clock.now
        self.compared = 0
        self.numbers: dict[UUID, str] = {}
        # Gaps in human numbers are one of the accepted side channels.
        self.tables = [t for t in runtime.tables(crm.schema) if t is not crm.schema.system.sequence]
        self._all = {table: str(sa.select(table).compile(crm.storage.engine)) for table in self.tables}

    def principal(self, p: UUID | None) -> Principal:
        return Principal(p, "system" if p is SYSTEM else self.world.records["core.user"][p]["name"])

    def agree(self, what: str, wanted: object, got: object) -> None:
        """Count a comparison.

        Raises:
            Mismatch: the two are not equal.
        """
        self.compared += 1
        if wanted != got:
            raise Mismatch(what, wanted, got)

    def perform(self, p: UUID | None, act: Act) -> str:
        """Do *act* as *p* for good and return its outcome; both sides must come to the same.

        What is denied must leave no trace, even when the transaction goes on and commits.
        """
        outcomes, commit = planned(self.world, p, act)
        what = f"{p and p.hex[-2:]}: {act.label}"
        before = self.dump() if commit is None else None
        answer: Any = "ok"
        try:
            with self.crm.write(self.principal(p)) as db:
                try:
                    act.run(db)
                except Exception as error:
                    answer = error
        except Exception as error:
            answer = answer if isinstance(answer, Exception) else error
        self.agree(what, code_of(answer) if code_of(answer) in outcomes else outcomes[0], code_of(answer))
        if commit is None:
            after = self.dump()
            changed = {name for name in after if before is not None and before[name] != after[name]}
            self.agree(f"{what}, denied: tables that changed", set(), changed)
            return outcomes[0]
        self.world.transaction += 1
        commit(self.world)
        with self.crm.system("comparing") as db:
            self.agree(f"{what}, done: the records", self.wanted_state(self.world), self.state(db.trusted))
        return "ok"

    def perform_all(self, p: UUID | None, acts: Iterable[Act]) -> None:
        """Do in one transaction those of *acts* that the model allows; crmkit must allow them too."""
        self.world.transaction += 1
        with self.crm.write(self.principal(p)) as db:
            for act in acts:
                _outcomes, commit = planned(self.world, p, act)
                if commit is not None:
                    try:
                        act.run(db)
                    except CrmkitError as error:
                        raise Mismatch(act.label, "ok", error.code) from error
                    commit(self.world)
            self.agree("in one transaction: the records", self.wanted_state(self.world), self.state(db.trusted))

    @contextmanager
    def undone(self, p: UUID | None) -> Iterator[Any]:
        """Give a writer whose transaction is rolled back in the end."""

        class _Undo(Exception):
            pass

        try:
            with self.crm.write(self.principal(p)) as db:
                yield db
                raise _Undo
        except _Undo:
            pass

    def after(self, commit: Any) -> TradeWorld:
        """Return the world as it would be after *commit*."""
        other: TradeWorld = self.world.fork()
        commit(other)
        return other

    def state(self, trusted: Any) -> dict[str, dict[UUID, Any]]:
        """Return every record of every entity, deleted ones included, as stored."""
        found: dict[str, dict[UUID, Any]] = {}
        for entity, cls in CLASSES.items():
            alive, gone = trusted.find(cls), trusted.find(cls, deleted=True)
            found[entity] = {r.id: (r in gone, snapshot(r)) for r in (*alive, *gone)}
            if entity == "trade.deal":
                self.numbers |= {record.id: record.code for record in alive}
                for id, extra in trusted.extensions(EXTENSION, alive).items():
                    found[entity][id][1].update(snapshot(extra, "extra."))
        return found

    def wanted_state(self, world: TradeWorld) -> dict[str, dict[UUID, Any]]:
        """Return what :meth:`state` should be."""
        return {
            entity: {id: (row["deleted"], self._wanted(world, entity, id, row)) for id, row in rows.items()}
            for entity, rows in world.records.items()
        }

    def _wanted(self, world: TradeWorld, entity: str, id: UUID, row: dict[str, Any]) -> dict[str, Any]:
        values = expected(world.read(SYSTEM, entity, id))
        extra = {} if row["deleted"] else {n: v for n, v in row.items() if n.startswith("extra.") and n != "extra."}
        return values | extra

    def dump(self) -> dict[str, set[Any]]:
        """Return every row of every table, undecoded."""
        with self.crm.storage.reading() as connection:
            cursor = connection.connection.cursor()
            return {table.name: self._rows(cursor, self._all[table]) for table in self.tables}

    def _rows(self, cursor: Any, statement: str) -> set[Any]:
        cursor.execute(statement)
        rows = cursor.fetchall()
        return set(rows) if self.crm.storage.is_sqlite else set(map(repr, rows))


def planned(world: TradeWorld, p: UUID | None, act: Act) -> tuple[tuple[str, ...], Any]:
    """Return the outcome of *act*, then perhaps another that will do, and what commits it unless it is denied."""
    try:
        return ("ok",), act.plan(world, p)
    except Denied as denied:
        return (denied.code, denied.instead) if denied.instead else (denied.code,), None


def code_of(answer: object) -> str:
    """Return the code of an error of crmkit, ``ok`` for what is no error; any other error is a crash."""
    if isinstance(answer, CrmkitError):
        return answer.code
    return f"crash: {answer!r}" if isinstance(answer, Exception) else "ok"


def differences(wanted: Any, got: Any, where: str = "") -> Iterator[str]:
    """Yield, a line each, where two values differ."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        for key in sorted({*wanted, *got}, key=str):
            one, other = wanted.get(key, "nothing"), got.get(key, "nothing")
            if one != other:
                yield from differences(one, other, f"{where}[{key}]")
    elif isinstance(wanted, (list, tuple)) and isinstance(got, (list, tuple)) and len(wanted) == len(got):
        for place, (one, other) in enumerate(zip(wanted, got, strict=True)):
            if one != other:
                yield from differences(one, other, f"{where}[{place}]")
    else:
        yield f"  {where} model:  {wanted}"
        yield f"  {where} crmkit: {got}"
