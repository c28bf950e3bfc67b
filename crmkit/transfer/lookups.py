"""References resolved: external ids and field values to record ids, a batch at a time, each key once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from crmkit.core.fields import Refused, Target
from crmkit.core.text import Text, gettext as _
from crmkit.core.writing.writer import Writer
from crmkit.transfer.binding import BoundField, BoundLookup
from crmkit.transfer.drafts import Draft, problem_of
from crmkit.transfer.errors import CellProblem

__all__ = ["Lookups"]

_MOST = 200
_REMEMBERED = 100_000
_SEVERAL = "several"
_Source = tuple[str, str, str]


class Lookups:
    """What keys lead to, remembered over the batches of a run; what leads to nothing is asked again each time."""

    def __init__(self, file: str) -> None:
        """Name *file* in problems."""
        self.file = file
        self._known: dict[_Source, dict[str, UUID]] = {}

    def resolve(self, writer: Writer, drafts: Sequence[Draft]) -> list[Draft]:
        """Put the ids of records into *drafts*; return those that wait for a record which is not there yet.

        A key that leads nowhere, or to a record that the principal does not see, is a problem of its draft, unless
        the record may still come: then the draft keeps it as pending.
        """
        found = self._find_all(writer, drafts)
        waiting = []
        for draft in drafts:
            draft.pending = [pair for pair in draft.pending if not self._take(draft, *pair, found)]
            if draft.pending:
                waiting.append(draft)
        return waiting

    def refuse(self, draft: Draft) -> None:
        """Turn what *draft* still waits for into problems."""
        for field, key in draft.pending:
            self._refuse(draft, field, key, _("there is no {entity} with {what} {key!r}"))
        draft.pending = []

    def _take(self, draft: Draft, field: BoundField, key: str, found: dict[_Source, dict[str, Any]]) -> bool:
        """Put the answer for *key* into *draft*; ``False`` if it has to wait."""
        lookup = field.lookup
        assert lookup is not None
        answer = found[lookup.source].get(key)
        if isinstance(answer, UUID):
            draft.values[field.name] = Target(lookup.entity.id, answer) if lookup.any else answer
        elif answer == _SEVERAL:
            self._refuse(draft, field, key, _("several {entity} have {what} {key!r}"))
        elif isinstance(answer, Refused):
            column = ", ".join(field.plan.columns)
            draft.problems.append(problem_of(self.file, draft.row.line, column, key, answer))
        elif lookup.plan.on_missing == "empty":
            draft.values[field.name] = None
        else:
            return False
        return True

    def _refuse(self, draft: Draft, field: BoundField, key: str, reason: Text) -> None:
        assert field.lookup is not None
        plan = field.lookup.plan
        what = plan.by or f"{plan.system} id"
        column = ", ".join(field.plan.columns)
        draft.problems.append(
            CellProblem(
                self.file,
                reason,
                _("Import that record first, correct the cell, or add a line to the plan under values"),
                line=draft.row.line,
                column=column,
                value=key,
                key=key,
                entity=field.lookup.entity.label,
                what=what,
            )
        )

    def _find_all(self, writer: Writer, drafts: Iterable[Draft]) -> dict[_Source, dict[str, Any]]:
        wanted: dict[_Source, tuple[BoundLookup, set[str]]] = {}
        for draft in drafts:
            for field, key in draft.pending:
                assert field.lookup is not None
                wanted.setdefault(field.lookup.source, (field.lookup, set()))[1].add(key)
        return {source: self._find(writer, lookup, keys) for source, (lookup, keys) in wanted.items()}

    def _find(self, writer: Writer, lookup: BoundLookup, keys: set[str]) -> dict[str, Any]:
        known = self._known.setdefault(lookup.source, {})
        if len(known) > _REMEMBERED:
            known.clear()
        answers: dict[str, Any] = {key: known[key] for key in keys if key in known}
        new = sorted(keys - answers.keys())
        for start in range(0, len(new), _MOST):
            ask = self._by_id if lookup.read is None else self._by_field
            answers |= ask(writer, lookup, new[start : start + _MOST])
        known |= {key: answer for key, answer in answers.items() if isinstance(answer, UUID)}
        return answers

    def _by_id(self, writer: Writer, lookup: BoundLookup, keys: Sequence[str]) -> dict[str, Any]:
        assert lookup.plan.system is not None
        found = writer.external.find(lookup.plan.system, lookup.entity.cls, keys)
        alive = {key: known.record_id for key, known in found.items() if not known.is_deleted}
        seen = writer.visible_ids(lookup.entity, list(alive.values())) if alive else set()
        return {key: id_ for key, id_ in alive.items() if id_ in seen}

    def _by_field(self, writer: Writer, lookup: BoundLookup, keys: Sequence[str]) -> dict[str, Any]:
        assert lookup.read is not None
        assert lookup.plan.by is not None
        answers: dict[str, Any] = {}
        values: dict[Any, str] = {}
        for key in keys:
            try:
                values[lookup.read(key)] = key
            except Refused as refused:
                answers[key] = refused
        name = lookup.plan.by
        field = getattr(lookup.entity.cls.f, name)
        for record in writer.find(lookup.entity.cls, field.in_(list(values))) if values else ():
            key = values[getattr(record, name)]
            answers[key] = _SEVERAL if key in answers else record.id
        return answers
