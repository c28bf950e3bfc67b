"""From a measure to the cells of a grouped statement, and back from their values to the measure's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Literal

import attrs
import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from crmkit.core.fields import Column, Date, DateTime, Decimals, FieldType, Integer, MoneyType
from crmkit.core.money import minor_digits
from crmkit.core.reading.grouped_rows import GroupedRows
from crmkit.core.reading.groups import Cell, decoded
from crmkit.core.reading.measures import Measure, MeasureError
from crmkit.core.rules.numbers import from_raw
from crmkit.core.text import gettext as _

__all__ = ["Result", "measured", "summed"]

_NUMBERS = (Integer, Decimals, MoneyType)
_ORDERED = (*_NUMBERS, Date, DateTime)
_ROWS = Column("", "integer")
_HALF = 32


@attrs.frozen(eq=False)
class Result:
    """How the cells of one measure become its value."""

    name: str
    kind: Literal["field", "count", "number", "mean"]
    slot: Column = _ROWS
    scale: int = 0
    in_halves: bool = False

    def value(self, cells: Iterator[Any], dialect: str) -> Any:
        """Return the value that the next of *cells* hold."""
        cell = next(cells)
        if self.in_halves:
            low = next(cells)
            cell = None if cell is None else (cell << _HALF) + low
        if self.kind == "mean":
            number = next(cells)
            return None if not number else self._number(cell) / int(number)
        if self.kind == "count":
            return int(cell)
        if cell is None:
            return None
        if self.kind == "number":
            return int(cell) if self.slot.kind == "integer" and not self.scale else self._number(cell)
        return decoded(cell, self.slot, dialect)

    def _number(self, cell: Any) -> Decimal:
        return from_raw(int(cell), self.scale)


def measured(rows: GroupedRows, measure: Measure, name: str, in_halves: bool) -> tuple[Sequence[Cell], Result]:
    """Return the cells of *measure* and how they become one value.

    Raises:
        UnknownFieldError: there is no such field, or it is hidden.
        MeasureError: the measure makes no sense for the field.
    """
    if measure.field is None:
        return [Cell("count")], Result(name, "count")
    field, column = rows.field(measure.field), rows.value(measure.field)
    if measure.function == "count":
        return [Cell("count", column)], Result(name, "count")
    _check_kind(rows, measure, field.type)
    slot, scale = field.type.columns()[-1], _scale(field.type, rows.visibility.registry.currency)
    if measure.function in ("min", "max"):
        kind: Literal["field", "number"] = "number" if isinstance(field.type, _NUMBERS) else "field"
        return [Cell("max" if measure.function == "max" else "min", column)], Result(name, kind, slot, scale)
    added = summed(column, in_halves)
    if measure.function == "sum":
        return added, Result(name, "number", slot, scale, in_halves)
    return [*added, Cell("count", column)], Result(name, "mean", slot, scale, in_halves)


def _check_kind(rows: GroupedRows, measure: Measure, kind: FieldType) -> None:
    if not isinstance(kind, _NUMBERS if measure.function in ("sum", "avg") else _ORDERED):
        message = _("{function} of {field!r} makes no sense; it is a {kind}")
        raise MeasureError(rows.info.id, message, function=measure.function, field=measure.field, kind=kind.name)


def summed(column: ColumnElement[Any], in_halves: bool) -> list[Cell]:
    """Return the sum of *column*; or, *in_halves*, of the upper and of the lower 32 bits."""
    if not in_halves:
        return [Cell("sum", column)]
    number = sa.type_coerce(column, sa.BigInteger())
    lower = number.bitwise_and(sa.literal((1 << _HALF) - 1, sa.BigInteger()))
    return [Cell("sum", number.bitwise_rshift(_HALF)), Cell("sum", lower)]


def _scale(kind: FieldType, currency: str) -> int:
    if isinstance(kind, MoneyType):
        return minor_digits(currency)
    return kind.scale if isinstance(kind, Decimals) else 0
