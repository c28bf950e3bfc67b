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
from crmkit.transfer.template import Template

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


#: What the plan's columns say in one row, as it wants them read.
Texts = dict[str, str]
_Reader = Callable[[Draft, Texts], None]


class Drafter:
    """Makes the drafts of one pass over one file."""

    def __init__(self, step: BoundStep, file: str, columns: Sequence[str], seen: SeenKeys) -> None:
        """Read rows with these *columns*; *seen* knows the keys of the rows before."""
        self._step, self._file, self._seen = step, file, seen
        index = {name: place for place, name in enumerate(columns) if name}
        self._columns = [(name, index[name], step.plan.values.get(name)) for name in step.plan.columns]
        self._reads = [self._reader(field) for field in step.fields]
        self._currencies: dict[tuple[str, str], Converter] = {}
        # Cells of the current row that a workbook gives as numbers, dates or booleans.
        self._typed: dict[str, Cell] = {}

    def draft(self, row: Row) -> Draft | None:
        """Return the draft of *row*, or ``None`` for a row that the plan leaves out or that says nothing new."""
        draft, texts = self._known(row)
        if texts is None:
            return draft
        assert draft is not None
        for read in self._reads:
            read(draft, texts)
        return draft

    def note(self, row: Row) -> None:
        """Remember the key of a row that has been dealt with before."""
        self._known(row)

    def _known(self, row: Row) -> tuple[Draft | None, Texts | None]:
        """Return the draft of a row with its key, and its texts if there is more to read in it."""
        if row.problems:
            return Draft(row, problems=list(row.problems)), None
        texts = self._texts(row.cells)
        if any(not texts[column] for column in self._step.plan.skip_empty):
            return None, None
        draft = Draft(row)
        if self._take_key(draft, texts) and self._is_first(draft, texts):
            return draft, texts
        return (draft if draft.problems else None), None

    def _texts(self, cells: Sequence[Cell]) -> Texts:
        self._typed.clear()
        texts: Texts = {}
        for name, place, meant in self._columns:
            cell = cells[place]
            if isinstance(cell, str):
                text = cell.strip()
            else:
                text = cell_text(cell)
                self._typed[name] = cell
            if meant is not None and text in meant:
                text = meant[text].strip()
                self._typed.pop(name, None)
            texts[name] = text
        return texts

    def _take_key(self, draft: Draft, texts: Texts) -> bool:
        template = self._step.plan.external_id
        key = template.fill(texts)
        if key is None:
            empty = next(column for column in template.columns if not texts[column])
            self._refuse(draft, (empty,), texts, _("the external id is empty"))
            return False
        if len(key) > _LONGEST_KEY:
            message = _("the external id has more than {limit} characters")
            self._refuse(draft, template.columns, texts, message, limit=_LONGEST_KEY)
            return False
        draft.key = key
        return True

    def _is_first(self, draft: Draft, texts: Texts) -> bool:
        """Return whether no row before has the key; one that says something else about it is refused."""
        plan = self._step.plan
        if plan.distinct:
            return self._seen.first([texts[column] for column in plan.distinct], (), draft.row.line) is None
        found = self._seen.first([draft.key], [*texts.values()], draft.row.line)
        if found is not None and not found[1]:
            message = _("line {other} has the same external id and other values")
            self._refuse(draft, plan.external_id.columns, texts, message, other=found[0])
        return found is None

    def _refuse(self, draft: Draft, columns: Sequence[str], texts: Texts, reason: Text, **facts: Any) -> None:
        value, named = " ".join(texts[column] for column in columns), ", ".join(columns)
        draft.problems.append(CellProblem(self._file, reason, line=draft.row.line, column=named, value=value, **facts))

    def _reader(self, field: BoundField) -> _Reader:
        source = field.plan.source
        if field.lookup is not None:
            return self._lookup_reader(field, field.lookup.plan.key)
        if isinstance(source, ColumnValue):
            return self._column_reader(field, source)
        if isinstance(source, TextValue):
            return self._text_reader(field, source)
        return self._constant_reader(field)

    def _constant_reader(self, field: BoundField) -> _Reader:
        def read(draft: Draft, _texts: Texts) -> None:
            draft.values[field.name] = field.constant

        return read

    def _lookup_reader(self, field: BoundField, template: Template) -> _Reader:
        def read(draft: Draft, texts: Texts) -> None:
            key = template.fill(texts)
            if key is None:
                self._empty(draft, field)
            else:
                draft.pending.append((field, key))

        return read

    def _column_reader(self, field: BoundField, source: ColumnValue) -> _Reader:
        usual = field.read(source.formats)

        def read(draft: Draft, texts: Texts) -> None:
            for column in source.columns:
                if texts[column]:
                    currency = texts[source.currency_column] if source.currency_column else ""
                    convert = self._in_currency(field, source.formats, currency) if currency else usual
                    self._convert(draft, field, column, convert, self._typed.get(column, texts[column]))
                    return
            self._empty(draft, field)

        return read

    def _in_currency(self, field: BoundField, formats: Formats, currency: str) -> Converter:
        key = field.name, currency
        if key not in self._currencies:
            self._currencies[key] = field.read(attrs.evolve(formats, currency=currency))
        return self._currencies[key]

    def _text_reader(self, field: BoundField, source: TextValue) -> _Reader:
        convert = field.read(self._step.plan.file.formats)
        columns = ", ".join(source.template.columns)

        def read(draft: Draft, texts: Texts) -> None:
            filled = source.template.fill_partly(texts)
            if filled is None:
                self._empty(draft, field)
            else:
                self._convert(draft, field, columns, convert, filled)

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
