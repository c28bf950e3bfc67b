"""Faults in what a write asks before it writes."""

from __future__ import annotations

import attrs
import sqlalchemy as sa

from crmkit.core import ledger
from crmkit.core.errors import CrmkitError, ForbiddenError
from crmkit.core.reading import external
from crmkit.core.reading.external import Known
from crmkit.core.writing import authorise, dependents, life, stages, writer
from crmkit.core.writing.asking import Asking
from crmkit.core.writing.writer import Writer
from tests.oracle.mutants.seeding import mutant


@mutant("update", "delete")
def invisible_is_forbidden_instead_of_not_found():
    original = life._take_stored

    def take(write, found, *rest):
        values, visible, _allowed = found or ({}, False, False)
        if values and not visible and write.kind != "restore":
            raise ForbiddenError(write.entity.id, "read", write.record_id)
        return original(write, found, *rest)

    yield life, "_take_stored", take


@mutant("update")
def update_needs_only_reading():
    yield life, "VERB_OF", {**life.VERB_OF, "update": "read"}


@mutant("transfer")
def transfer_needs_only_updating():
    yield life, "VERB_OF", {**life.VERB_OF, "transfer": "update"}


@mutant("move")
def move_needs_only_updating():
    yield life, "VERB_OF", {**life.VERB_OF, "move": "update"}


@mutant("restore")
def restore_needs_only_updating():
    yield life, "VERB_OF", {**life.VERB_OF, "restore": "update"}


@mutant("create")
def create_is_not_checked_against_rules():
    yield life, "check_rows_after", lambda writer, writes: None


@mutant("create")
def create_is_allowed_for_anybody_else():
    original = authorise._may_create
    yield (
        authorise,
        "_may_create",
        lambda writer, write, entity, scope: bool(scope.level) or original(writer, write, entity, scope),
    )


@mutant("create", "update")
def references_are_not_checked():
    yield life, "check_references", lambda registry, writes, known, merged: []


@mutant("create", "update")
def references_to_hidden_records_are_taken():
    yield Asking, "known_ids", lambda self, info, ids, trusted: self.trusted.allowed_ids(info, "read", ids)


@mutant("delete", steps=["wait"] * 6)
def deletion_orphans_hidden_dependents():
    original = dependents._dependents

    def found(writer, *given):
        seen = writer.visible_ids
        writer.visible_ids = lambda info, some: set(some)
        try:
            return original(writer, *given)
        finally:
            writer.visible_ids = seen

    yield dependents, "_dependents", found


@mutant("delete")
def deletion_ignores_dependents():
    yield life, "dependent_writes", lambda writer, writes: []


@mutant("update", "transfer")
def batch_is_judged_by_its_first_record():
    original = life.refuse_forbidden
    yield life, "refuse_forbidden", lambda writer, writes: original(writer, writes[:1])


@mutant("update", "delete")
def versions_are_not_compared():
    original = Writer._write

    def write(self, kind, record, values):
        made = original(self, kind, record, values)
        made.version = None
        return made

    yield Writer, "_write", write


@mutant("move", steps=["move"] * 6)
def guards_are_not_asked():
    yield stages, "_holds", lambda writer, write, guard: True


@mutant("move")
def roles_for_moves_are_forgotten():
    original = stages._check_move

    def check(writer, write, pipeline, move, allowed):
        return original(writer, write, pipeline, attrs.evolve(move, roles=()), allowed)

    yield stages, "_check_move", check


@mutant("external_ids")
def external_ids_of_invisible_records_are_told():
    def find(db, system, info, values):
        table, record = db.model.schema.system.external_id, db.model.schema.table(info)
        rows = db._connection.execute(
            sa.select(table.c.value, table.c.record_id, record.c.deleted_at.is_not(None))
            .select_from(table.join(record, record.c.id == table.c.record_id))
            .where(table.c.system == system, table.c.entity == info.id, table.c.value.in_(values))
        )
        return {value: Known(record_id, bool(deleted)) for value, record_id, deleted in rows}

    yield external, "_find", find


@mutant("may", steps=["create", "update", "delete", "transfer"])
def denied_writes_leave_traces():
    original = life.live

    def live(made_by, writes):
        try:
            return original(made_by, writes)
        except CrmkitError:
            made_by._entries += [ledger.Entry(w.entity.id, w.record_id, "tried", {}, "", 0) for w in writes]
            raise

    yield writer, "live", live
