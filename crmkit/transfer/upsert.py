"""A batch of drafts becomes records: created, changed, or left alone because nothing is new."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import Any
from uuid import UUID

import attrs

from crmkit.core.entity import Record
from crmkit.core.errors import (
    ConflictError,
    CrmkitError,
    ForbiddenError,
    NotFoundError,
    StaleError,
    ValidationError,
)
from crmkit.core.fields import Refused, Target
from crmkit.core.pipelines import Refusal, UnknownStageError
from crmkit.core.reading.external import Known
from crmkit.core.text import gettext as _
from crmkit.core.writing.changes import Write
from crmkit.core.writing.life import WriteRefusedError, load_stored
from crmkit.core.writing.shapes import shape_of
from crmkit.core.writing.stages import plan_move
from crmkit.core.writing.writer import Writer
from crmkit.transfer.binding import ENTERED, TRANSFERRED, BoundField, BoundStep, may_tell_history
from crmkit.transfer.drafts import Draft, problem_of
from crmkit.transfer.errors import CellProblem
from crmkit.transfer.lookups import Lookups
from crmkit.transfer.suspects import Suspect, find_suspects, problem_of_suspect

__all__ = ["Outcome", "Upsert"]

# What is wrong with one record; every other error stops the import.
_OF_ONE_ROW = (
    ConflictError,
    ForbiddenError,
    NotFoundError,
    Refusal,
    StaleError,
    UnknownStageError,
    ValidationError,
    WriteRefusedError,
)


@attrs.define
class Outcome:
    """What became of the drafts of a batch."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    rejected: list[Draft] = attrs.field(factory=list)
    #: By the draft of each new record that is likely there already: which records it may be.
    suspects: dict[UUID, list[Suspect]] = attrs.field(factory=dict)
    postponed: list[Draft] = attrs.field(factory=list)

    @property
    def wrote(self) -> bool:
        """Whether the database has changed."""
        return bool(self.created or self.updated)

    def copy(self) -> Outcome:
        """Return what later drafts do not change."""
        return attrs.evolve(self, rejected=[*self.rejected], suspects={**self.suspects})


class Upsert:
    """Writes the drafts of one step through one writer."""

    def __init__(self, writer: Writer, step: BoundStep, lookups: Lookups, homes: dict[UUID, UUID | None]) -> None:
        """Resolve references with *lookups*; *homes* remembers the teams of owners."""
        self._writer, self._step, self._lookups, self._homes = writer, step, lookups, homes
        self._cls: type[Record] = step.entity.cls
        # What is set at creation like other fields, but changed by other verbs than update.
        self._later = {*shape_of(step.entity).moved, ENTERED}
        self.outcome = Outcome()

    def run(self, drafts: Sequence[Draft], *, may_wait: bool) -> Outcome:
        """Write *drafts*; with *may_wait* those whose record to refer to is not there yet are postponed."""
        waiting = self._write_resolved(drafts)
        # A row may point at one that this very batch has made.
        while waiting and self.outcome.created:
            before = len(waiting)
            waiting = self._write_resolved(waiting)
            if len(waiting) == before:
                break
        for draft in waiting:
            if may_wait and self._waits_for_its_own_kind(draft):
                self.outcome.postponed.append(draft)
            else:
                self._lookups.refuse(draft)
                self.outcome.rejected.append(draft)
        return self.outcome

    def _waits_for_its_own_kind(self, draft: Draft) -> bool:
        own = self._step.entity.id, self._step.plan.system, ""
        return not draft.problems and all(
            field.lookup is not None and field.lookup.source == own for field, _key in draft.pending
        )

    def _write_resolved(self, drafts: Sequence[Draft]) -> list[Draft]:
        """Write those of *drafts* that wait for nothing; return the others."""
        waiting = self._lookups.resolve(self._writer, drafts)
        held = set(map(id, waiting))
        ready = [draft for draft in drafts if id(draft) not in held]
        self.outcome.rejected += [draft for draft in ready if draft.problems]
        good = [draft for draft in ready if not draft.problems]
        chain = self._chain(good, waiting)
        if chain and self._write_chain([*good, *chain]):
            return [draft for draft in waiting if draft.pending]
        self._write(good)
        return waiting

    def _chain(self, ready: Sequence[Draft], waiting: Sequence[Draft]) -> list[Draft]:
        """Return those of *waiting* that only wait for drafts of this batch, each behind the one it waits for."""
        own = {draft.key: draft for draft in waiting if self._waits_for_its_own_kind(draft)}
        placed = {draft.key for draft in ready}
        chain: list[Draft] = []
        for first in own.values():
            path, draft = [], own.get(first.key)
            while draft is not None and draft.key not in placed and draft not in path:
                path.append(draft)
                missing = {key for _field, key in draft.pending} - placed
                draft = own.get(missing.pop()) if len(missing) == 1 else None
            for draft in reversed(path):
                if all(key in placed for _field, key in draft.pending):
                    placed.add(draft.key)
                    chain.append(draft)
        return chain

    def _write_chain(self, drafts: Sequence[Draft]) -> bool:
        """Write *drafts* at once, which refer to each other; ``False`` if one of them is refused."""
        ids = {draft.key: draft.id for draft in drafts}
        before = self.outcome.copy()
        for draft in drafts:
            draft.values |= {field.name: self._reference(field, ids[key]) for field, key in draft.pending}
        try:
            with self._writer.attempt():
                self._write_together(drafts)
        except _OF_ONE_ROW:
            self.outcome = before
            return False
        for draft in drafts:
            draft.pending = []
        return True

    def _reference(self, field: BoundField, id_: UUID) -> UUID | Target:
        assert field.lookup is not None
        return Target(self._step.entity.id, id_) if field.lookup.any else id_

    def _write(self, drafts: Sequence[Draft]) -> None:
        """Write *drafts* together; if that fails, find out which of them are at fault and write the others."""
        if not drafts:
            return
        before = self.outcome.copy()
        try:
            with self._writer.attempt():
                self._write_together(drafts)
        except _OF_ONE_ROW as error:
            self.outcome = before
            self._write_apart(drafts, error)

    def _write_apart(self, drafts: Sequence[Draft], error: CrmkitError) -> None:
        if len(drafts) == 1:
            draft = drafts[0]
            draft.problems += self._field_problems(draft) or list(self._problems(draft, error))
            self.outcome.rejected.append(draft)
            return
        for draft in drafts:
            draft.problems += self._field_problems(draft)
        guilty = [draft for draft in drafts if draft.problems]
        self.outcome.rejected += guilty
        rest = [draft for draft in drafts if not draft.problems]
        if guilty:
            self._write(rest)
        else:
            half = len(rest) // 2
            self._write(rest[:half])
            self._write(rest[half:])

    def _field_problems(self, draft: Draft) -> list[CellProblem]:
        """Return what the field types themselves do not accept in *draft*, cell by cell."""
        found = []
        for field in self._step.fields:
            value = draft.values.get(field.name)
            if value is not None:
                try:
                    field.info.type.normalise(value)
                except Refused as refused:
                    column = ", ".join(field.plan.columns)
                    found.append(problem_of(self._lookups.file, draft.row.line, column or None, str(value), refused))
        return found

    def _problems(self, draft: Draft, error: CrmkitError) -> Iterator[CellProblem]:
        columns = {field.name: ", ".join(field.plan.columns) or None for field in self._step.fields}
        told = error.facts["problems"] if isinstance(error, ValidationError) else [error]
        for problem in told:
            name = problem.facts.get("field")
            value = "" if name is None else draft.values.get(name)
            yield CellProblem(
                self._lookups.file,
                _("{text}"),
                line=draft.row.line,
                column=columns.get(str(name)),
                value="" if value is None else str(value),
                text=str(problem).rstrip("."),
            )

    def _write_together(self, drafts: Sequence[Draft]) -> None:
        plan = self._step.plan
        known = self._writer.external.find(plan.system, self._cls, [draft.key for draft in drafts])
        fresh = [draft for draft in drafts if draft.key not in known]
        binned = [draft for draft in drafts if draft.key in known and known[draft.key].is_deleted]
        alive = [draft for draft in drafts if draft.key in known and not known[draft.key].is_deleted]
        self._choose(fresh, plan.on_new, "create", self._create)
        self._choose(binned, plan.on_deleted, "restore", lambda chosen: self._restore(chosen, known))
        self._choose(alive, plan.on_existing, "update", lambda chosen: self._update(chosen, known))

    def _choose(self, drafts: list[Draft], said: str, verb: str, act: Any) -> None:
        if said == verb:
            act(drafts)
        elif said == "skip":
            self.outcome.skipped += len(drafts)
        else:
            for draft in drafts:
                draft.problems.append(self._unwanted(draft, verb))
            self.outcome.rejected += drafts

    def _unwanted(self, draft: Draft, verb: str) -> CellProblem:
        reasons = {
            "create": _("there is no record with this external id, and the plan says on_new = 'refuse'"),
            "restore": _("the record is in the bin; the plan may say on_deleted = 'restore'"),
            "update": _("the record is there already, and the plan says on_existing = 'refuse'"),
        }
        column = ", ".join(self._step.plan.external_id.columns)
        return CellProblem(self._lookups.file, reasons[verb], line=draft.row.line, column=column, value=draft.key)

    def _create(self, drafts: Sequence[Draft]) -> None:
        names: dict[str, UUID] = {}
        writes = []
        if self._step.plan.duplicates != "ignore":
            drafts = self._looked_at(drafts)
        for draft in drafts:
            names[draft.key] = draft.id
            values = {name: default() for name, default in self._step.defaults.items()}
            values |= {name: value for name, value in draft.values.items() if name != ENTERED}
            self._complete_owner(values)
            writes.append(Write("create", self._step.entity, draft.id, values, details=self._dated(draft)))
        if writes:
            self._writer.take(*writes)
            self._writer.external.give(self._step.plan.system, self._cls, names)
        self.outcome.created += len(writes)

    def _looked_at(self, drafts: Sequence[Draft]) -> list[Draft]:
        """Note who is likely there already; return those whose records are made all the same."""
        found = find_suspects(self._writer, self._step, drafts)
        self.outcome.suspects |= found
        if self._step.plan.duplicates == "report":
            return [*drafts]
        refused = [draft for draft in drafts if draft.id in found]
        for draft in refused:
            draft.problems = [problem_of_suspect(self._lookups.file, self._step, found[draft.id][0])]
        self.outcome.rejected += refused
        return [draft for draft in drafts if draft.id not in found]

    def _complete_owner(self, values: dict[str, Any]) -> None:
        """Put the record into its owner's team where the plan says nothing about teams."""
        owner = values.get("owner_id")
        if not self._step.entity.owned or owner is None or values.get("team_id") is not None:
            return
        if owner not in self._homes:
            self._homes[owner] = self._writer.home_team_of(owner)
        values["team_id"] = self._homes[owner]

    def _dated(self, draft: Draft) -> dict[str, Any]:
        """Tell the pipeline that this has happened elsewhere, which not everybody may claim."""
        if not (self._step.entity.pipelined and may_tell_history(self._writer.access)):
            return {}
        entered = draft.values.get(ENTERED)
        return {"placed": True, "entered_at": entered and entered.astimezone(UTC)}

    def _restore(self, drafts: Sequence[Draft], known: Any) -> None:
        for draft in drafts:
            self._writer.restore(self._cls, known[draft.key].record_id)
        self._update(drafts, known, restored=True)

    def _update(self, drafts: Sequence[Draft], known: Any, *, restored: bool = False) -> None:
        writes = [self._change(draft, known[draft.key]) for draft in drafts]
        if not writes:
            return
        load_stored(self._writer, writes)
        stored = [write.stored for write in writes]
        self._writer.take(*writes)
        given = self._give_away(drafts, writes, stored)
        moved = self._move(drafts, writes, stored)
        for place, write in enumerate(writes):
            if restored or write.values or place in given or place in moved:
                self.outcome.updated += 1
            else:
                self.outcome.unchanged += 1

    def _change(self, draft: Draft, known: Known) -> Write:
        values = {name: value for name, value in draft.values.items() if name not in self._later}
        details = {"moves_to": draft.values.get("stage")} if self._step.entity.pipelined else {}
        return Write("update", self._step.entity, known.record_id, values, details=details)

    def _give_away(self, drafts: Sequence[Draft], writes: Sequence[Write], stored: Sequence[Any]) -> set[int]:
        """Transfer the records whose owner or team is another than the plan's."""
        given: dict[int, Write] = {}
        for place, (draft, write) in enumerate(zip(drafts, writes, strict=True)):
            wanted = {name: draft.values[name] for name in TRANSFERRED if name in draft.values}
            if write.entity.owned and any(stored[place].get(name) != value for name, value in wanted.items()):
                values = {name: stored[place].get(name) for name in TRANSFERRED} | wanted
                if "team_id" not in wanted:
                    values["team_id"] = None
                    self._complete_owner(values)
                given[place] = Write("transfer", write.entity, write.record_id, values)
        if given:
            self._writer.take(*given.values())
        return set(given)

    def _move(self, drafts: Sequence[Draft], writes: Sequence[Write], stored: Sequence[Any]) -> set[int]:
        """Move the records whose stage is another than the plan's."""
        moved: dict[int, Write] = {}
        for place, (draft, write) in enumerate(zip(drafts, writes, strict=True)):
            stage = draft.values.get("stage")
            if write.entity.pipelined and stage and stored[place].get("stage") != stage:
                details = self._dated(draft)
                moved[place] = Write("move", write.entity, write.record_id, {}, details=details)
        if moved:
            load_stored(self._writer, list(moved.values()))
            for place, write in moved.items():
                plan_move(self._writer, write, drafts[place].values["stage"])
            self._writer.take(*moved.values())
        return set(moved)
