"""Rows become drafts: values by field and keys to look up, made without asking the database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import attrs

from crmkit.core.fields import Refused
from crmkit.core.ids import new_id
from crmkit.core.text import Text, gettext as _, translate
from crmkit.transfer.binding import BoundField, BoundStep
from crmkit.transfer.cells import Cell, Row, cell_text
from crmkit.transfer.convert import Converter
from crmkit.transfer.errors import CellProblem
from crmkit.transfer.plan import ColumnValue, Formats, TextValue
from crmkit.transfer.seen import SeenKeys

__all__ = ["Draft", "Drafter", "problem_of"]

_LONGEST_KEY = 200


@attrs.define(eq=False)
class Draft:
    """One row on its way to a record."""

    row: Row
    key: str = ""
    values: dict[str, Any] = attrs.field(factory=dict)
    #: What has to be looked up: the field and the key.
    pending: list[tuple[BoundField, str]] = attrs.field(factory=list)
    problems: list[CellProblem] = attrs.field(factory=list)
    #: What a new record will be called.
    id: UUID = attrs.field(factory=new_id)


class Drafter:
    """Makes the drafts of one pass over one file."""

    def __init__(self, step: BoundStep, file: str, columns: Sequence[str], seen: SeenKeys) -> None:
        """Read rows with these *columns*; *seen* knows the keys of the rows before."""
        self._step, self._file, self._seen = step, file, seen
        self._index = {name: place for place, name in enumerate(columns) if name}
        self._maps = step.plan.values
        self._used = [self._index[name] for name in step.plan.columns]
        self._reads = [self._reader(field) for field in step.fields]
        self._currencies: dict[tuple[str, str], Converter] = {}

    def draft(self, row: Row) -> Draft | None:
        """Return the draft of *row*, or ``None`` for a row that the plan leaves out or that says nothing new."""
        if row.problems:
            return Draft(row, problems=list(row.problems))
        plan = self._step.plan
        cells = row.cells

        def text(column: str) -> str:
            return cell_text(self._cell(cells, column)).strip()

        if any(not text(column) for column in plan.skip_empty):
            return None
        draft = Draft(row)
        key = self._key(draft, text)
        if key is None or not self._is_first(draft, key, text):
            return draft if draft.problems else None
        draft.key = key
        for read in self._reads:
            read(draft, cells, text)
        return draft

    def note(self, row: Row) -> None:
        """Remember the key of a row that a run before has already dealt with."""
        if row.problems:
            return

        def text(column: str) -> str:
            return cell_text(self._cell(row.cells, column)).strip()

        draft = Draft(row)
        key = None if any(not text(column) for column in self._step.plan.skip_empty) else self._key(draft, text)
        if key is not None:
            self._is_first(draft, key, text)

    def _cell(self, cells: Sequence[Cell], column: str) -> Cell:
        """Return a cell as the plan wants it read: what stands in the file may mean something else."""
        cell = cells[self._index[column]]
        meant = self._maps.get(column)
        return cell if meant is None else meant.get(cell_text(cell).strip(), cell)

    def _key(self, draft: Draft, text: Callable[[str], str]) -> str | None:
        template = self._step.plan.external_id
        key = template.fill(text)
        if key is None:
            empty = next(column for column in template.columns if not text(column))
            self._refuse(draft, (empty,), _("the external id is empty"))
        elif len(key) > _LONGEST_KEY:
            self._refuse(
                draft, template.columns, _("the external id has more than {limit} characters"), limit=_LONGEST_KEY
            )
            return None
        return key

    def _is_first(self, draft: Draft, key: str, text: Callable[[str], str]) -> bool:
        """Return whether no row before has the key; one that says something else about it is refused."""
        plan = self._step.plan
        cells = draft.row.cells
        if plan.distinct:
            found = self._seen.first([text(column) for column in plan.distinct], (), draft.row.line)
            return found is None
        found = self._seen.first([key], [cell_text(cells[place]) for place in self._used], draft.row.line)
        if found is not None and not found[1]:
            message = _("line {other} has the same external id and other values")
            self._refuse(draft, plan.external_id.columns, message, other=found[0])
        return found is None

    def _refuse(self, draft: Draft, columns: Sequence[str], reason: Text, **facts: Any) -> None:
        cells = draft.row.cells
        value = " ".join(cell_text(cells[self._index[column]]) for column in columns)
        draft.problems.append(
            CellProblem(self._file, reason, line=draft.row.line, column=", ".join(columns), value=value, **facts)
        )

    def _reader(self, field: BoundField) -> Callable[[Draft, Sequence[Cell], Callable[[str], str]], None]:
        source = field.plan.source
        if field.lookup is not None:
            return self._lookup_reader(field)
        if isinstance(source, ColumnValue):
            return self._column_reader(field, source)
        if isinstance(source, TextValue):
            return self._text_reader(field, source)

        def constant(draft: Draft, _cells: Sequence[Cell], _text: Callable[[str], str]) -> None:
            draft.values[field.name] = field.constant

        return constant

    def _lookup_reader(self, field: BoundField) -> Callable[[Draft, Sequence[Cell], Callable[[str], str]], None]:
        assert field.lookup is not None
        template = field.lookup.plan.key

        def read(draft: Draft, _cells: Sequence[Cell], text: Callable[[str], str]) -> None:
            key = template.fill(text)
            if key is None:
                self._empty(draft, field)
            else:
                draft.pending.append((field, key))

        return read

    def _column_reader(
        self, field: BoundField, source: ColumnValue
    ) -> Callable[[Draft, Sequence[Cell], Callable[[str], str]], None]:
        default = field.read(source.formats)

        def read(draft: Draft, cells: Sequence[Cell], text: Callable[[str], str]) -> None:
            for column in source.columns:
                cell = self._cell(cells, column)
                if cell == "" or (isinstance(cell, str) and not cell.strip()):
                    continue
                convert = default
                if source.currency_column is not None:
                    convert = self._in_currency(field, source.formats, text(source.currency_column)) or default
                self._convert(draft, field, column, convert, cell)
                return
            self._empty(draft, field)

        return read

    def _in_currency(self, field: BoundField, formats: Formats, currency: str) -> Converter | None:
        if not currency:
            return None
        key = field.name, currency
        if key not in self._currencies:
            self._currencies[key] = field.read(attrs.evolve(formats, currency=currency))
        return self._currencies[key]

    def _text_reader(
        self, field: BoundField, source: TextValue
    ) -> Callable[[Draft, Sequence[Cell], Callable[[str], str]], None]:
        convert = field.read(self._step.plan.file.formats)

        def read(draft: Draft, _cells: Sequence[Cell], text: Callable[[str], str]) -> None:
            filled = source.template.fill_partly(text)
            if filled is None:
                self._empty(draft, field)
            else:
                self._convert(draft, field, ", ".join(source.template.columns), convert, filled)

        return read

    def _convert(self, draft: Draft, field: BoundField, column: str, convert: Converter, cell: Cell) -> None:
        try:
            draft.values[field.name] = convert(cell)
        except Refused as refused:
            draft.problems.append(problem_of(self._file, draft.row.line, column, cell, refused))

    def _empty(self, draft: Draft, field: BoundField) -> None:
        """An empty cell empties the field; one that must have a value keeps what it has, or its default."""
        if field.constant is not None:
            draft.values[field.name] = field.constant
        elif field.info.nullable or not field.info.has_default:
            draft.values[field.name] = None


def problem_of(file: str, line: int, column: str | None, cell: object, refused: Refused) -> CellProblem:
    """Return the problem of a cell that a field type refused."""
    text = translate(refused.message).format_map(refused.facts)
    value = cell if isinstance(cell, str) else cell_text(cell)  # type: ignore[arg-type]
    return CellProblem(file, _("{text}"), line=line, column=column, value=value, text=text)
