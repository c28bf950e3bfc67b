"""New records that are likely there already: found before they are made, reported as pairs or refused."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import attrs

from crmkit.core.entity import Record
from crmkit.core.fields import Refused
from crmkit.core.reading.matches import find_shared_keys
from crmkit.core.text import gettext as _
from crmkit.core.writing.writer import Writer
from crmkit.transfer.binding import BoundStep
from crmkit.transfer.drafts import Draft
from crmkit.transfer.errors import CellProblem
from crmkit.transfer.neutral import neutralise

__all__ = ["Suspect", "SuspectFile", "find_suspects", "problem_of_suspect"]

_COLUMNS = ("score", "step", "line", "external_id", "one_id", "other_id", "decision")


@attrs.frozen
class Suspect:
    """A draft, and the record that it likely is, with points of 100: a record, a row before, or one that is hidden.

    *known_id* is the id of the record, also of one that this import makes of *row*.
    """

    draft: Draft
    score: int
    known_id: UUID | None = None
    record: Record | None = None
    row: Draft | None = None


def find_suspects(writer: Writer, step: BoundStep, drafts: Sequence[Draft]) -> dict[UUID, list[Suspect]]:
    """Return whom each of *drafts* likely is, the likeliest first, by the draft's id: as the importer sees them.

    A few statements, however many drafts there are. That a hidden record shares a key that identifies is told to those
    who are granted ``see_duplicates`` on it.
    """
    matcher = writer.model.registry.matchers[step.entity.id]
    readable = writer.access.entity(step.entity).readable
    values = {draft.id: _normal(step, draft) for draft in drafts}
    keys = {id_: sorted(matcher.of(given, readable)) for id_, given in values.items()}
    shared = find_shared_keys(writer, step.entity, (key for held in keys.values() for key in held))
    rows: dict[str, list[Draft]] = {}
    found: dict[UUID, list[Suspect]] = {}
    for draft in drafts:
        mine, given = keys[draft.id], values[draft.id]
        records = {record.id: record for key in mine for record in shared.records.get(key, ())}
        before = {row.id: row for key in mine for row in rows.get(key, ())}
        suspects = [Suspect(draft, matcher.score(given, _loaded(each)), id_, each) for id_, each in records.items()]
        suspects += [Suspect(draft, matcher.score(given, values[id_]), id_, row=row) for id_, row in before.items()]
        likely = [each for each in suspects if each.score >= step.plan.duplicates_from]
        likely.sort(key=lambda each: (-each.score, str(each.known_id)))
        if not shared.hidden.isdisjoint(mine):
            likely.append(Suspect(draft, 100))
        if likely:
            found[draft.id] = likely
        for key in mine:
            rows.setdefault(key, []).append(draft)
    return found


def _normal(step: BoundStep, draft: Draft) -> dict[str, Any]:
    """Return the values as they will be kept; what is refused then says nothing now."""
    values: dict[str, Any] = {name: default() for name, default in step.defaults.items()}
    for field in step.fields:
        value = draft.values.get(field.name)
        if value is not None:
            try:
                value = field.info.type.normalise(value)
            except Refused:
                value = None
        values[field.name] = value
    return values


def _loaded(record: Record) -> Mapping[str, Any]:
    return {name: getattr(record, name, None) for name in record.__entity__.fields}


def _name(record: Record) -> str:
    number = record.__entity__.number
    return str((number and getattr(record, number.name, None)) or record.id)


def problem_of_suspect(file: str, step: BoundStep, suspect: Suspect) -> CellProblem:
    """Return why a row is refused whose record is likely there already."""
    if suspect.row is not None:
        reason, other = _("likely the same as line {other}, by {score} points of 100"), str(suspect.row.row.line)
    elif suspect.record is not None:
        reason, other = _("likely the same as {other}, by {score} points of 100"), _name(suspect.record)
    else:
        reason, other = _("there is one already that you may not see"), ""
    column, draft = ", ".join(step.plan.external_id.columns), suspect.draft
    score, line = suspect.score, draft.row.line
    return CellProblem(file, reason, line=line, column=column, value=draft.key, other=other, score=score)


class SuspectFile:
    """A CSV file of pairs, to review and apply: the known record first, so that it wins a merge."""

    def __init__(self, path: Path, keep: int) -> None:
        """Keep the first *keep* bytes of what an interrupted run has left in *path*, and write on."""
        path.touch()
        os.truncate(path, min(keep, path.stat().st_size))
        self._file = path.open("a", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)
        if self._file.tell() == 0:
            self._writer.writerow(_COLUMNS)

    def add(self, step: str, suspects: Iterable[Suspect]) -> None:
        """Write what is suspected of rows of *step*."""
        self._writer.writerows(self._rows(step, suspects))

    def _rows(self, step: str, suspects: Iterable[Suspect]) -> Iterator[list[object]]:
        for each in suspects:
            known = "" if each.known_id is None else each.known_id
            yield [
                each.score,
                neutralise(step),
                each.draft.row.line,
                neutralise(each.draft.key),
                known,
                each.draft.id,
                "",
            ]

    def flush(self) -> int:
        """Bring everything to the disk; return the size of the file."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def close(self) -> None:
        """Bring everything to the disk and close the file."""
        self.flush()
        self._file.close()
