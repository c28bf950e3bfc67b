"""Groups and measures over what a principal sees: counts, sums, averages, extremes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

import attrs
import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from crmkit.core.entity import EntityInfo, FieldInfo, computed
from crmkit.core.errors import CrmkitError
from crmkit.core.fields import Column, Date, DateTime, Decimals, FieldType, Integer, MoneyType
from crmkit.core.money import minor_digits
from crmkit.core.policy.rule_sources import FieldScope, VisibleSource
from crmkit.core.policy.visibility import Visibility
from crmkit.core.rules.check import CheckedRule
from crmkit.core.rules.sql import compile_rule
from crmkit.core.storage.codecs import slot_decoder
from crmkit.core.storage.schema import filter_column
from crmkit.core.text import gettext as _

__all__ = ["Measure", "MeasureError", "average", "count", "greatest", "least", "total"]

Function = Literal["count", "sum", "avg", "min", "max"]
_NUMBERS = (Integer, Decimals, MoneyType)
_ORDERED = (*_NUMBERS, Date, DateTime)


@attrs.frozen
class Measure:
    """A function over one field of a group, or over its rows."""

    function: Function
    field: str | None = None


def count(field: str | None = None) -> Measure:
    """Return the measure of how many records there are, or how many have a value of *field*."""
    return Measure("count", field)


def total(field: str) -> Measure:
    """Return the measure of the sum of *field*; of money, in the company's currency."""
    return Measure("sum", field)


def average(field: str) -> Measure:
    """Return the measure of the mean of *field* over the records that have a value."""
    return Measure("avg", field)


def least(field: str) -> Measure:
    """Return the measure of the smallest value of *field*."""
    return Measure("min", field)


def greatest(field: str) -> Measure:
    """Return the measure of the largest value of *field*."""
    return Measure("max", field)


class MeasureError(CrmkitError):
    """A measure that makes no sense for its field, such as the sum of a text."""

    code = "measure"
    template = _("{entity}: {function} of {field!r} makes no sense; it is a {kind}.")

    def __init__(self, entity: str, function: str, field: str, kind: str) -> None:
        """Name the *function* and the *field* of *entity*."""
        super().__init__(entity=entity, function=function, field=field, kind=kind)


@attrs.frozen(eq=False)
class AggregateStatement:
    """A grouped statement, and how its rows become dicts."""

    statement: sa.Select[Any]
    results: tuple[_Result, ...]

    def decode(self, row: Sequence[Any], dialect: sa.Dialect) -> dict[str, Any]:
        """Return *row* by name, in the values of the fields."""
        cells = iter(row)
        return {result.name: result.value(cells, dialect.name) for result in self.results}


@attrs.frozen(eq=False)
class _Result:
    """How the cells of one column of the answer become its value."""

    name: str
    kind: Literal["field", "count", "number", "mean"]
    slot: Column
    scale: int | None = None

    def value(self, cells: Iterator[Any], dialect: str) -> Any:
        cell = next(cells)
        if self.kind == "mean":
            number = next(cells)
            return None if not number else Decimal(cell).scaleb(-(self.scale or 0)) / int(number)
        if self.kind == "count":
            return int(cell)
        if cell is None:
            return None
        if self.kind == "number":
            return int(cell) if self.scale is None else Decimal(cell).scaleb(-self.scale)
        decode = slot_decoder(self.slot, dialect)
        return cell if decode is None else decode(cell)


_ROWS = Column("", "integer")


def aggregate_statement(
    visibility: Visibility,
    info: EntityInfo,
    scope: FieldScope,
    group_by: Sequence[str],
    measures: Mapping[str, Measure],
    where: CheckedRule | None,
) -> AggregateStatement:
    """Return the grouped statement over what *visibility* shows, ordered by its groups.

    An average is a sum and a count, divided in Python, so that it is exact and the same on every database.

    Raises:
        UnknownFieldError: a field does not exist, or is hidden.
        MeasureError: a measure makes no sense for its field.
    """
    table = visibility.schema.table(info)
    source = VisibleSource(visibility, info, table.c)
    groups = [_value(source, scope.field(name)) for name in group_by]
    results = [_Result(name, "field", _last_slot(scope.field(name).type)) for name in group_by]
    cells: list[_Cell] = []
    for name, measure in measures.items():
        measured, result = _measure(source, scope, measure, name)
        cells += measured
        results.append(result)
    statement = _grouped(visibility, info, groups, cells, where)
    return AggregateStatement(statement, tuple(results))


def count_statement(visibility: Visibility, info: EntityInfo, where: CheckedRule | None) -> sa.Select[Any]:
    """Return the statement that counts what *visibility* shows where *where* holds."""
    return _grouped(visibility, info, [], [_Cell("count")], where)


@attrs.frozen(eq=False)
class _Cell:
    """What is counted or summed up, and how the results of two disjoint sets of rows become that of both."""

    function: Literal["count", "sum", "min", "max"]
    column: ColumnElement[Any] | None = None

    def over_rows(self) -> ColumnElement[Any]:
        """Return the function over the rows of a table."""
        if self.column is None:
            return sa.func.count()
        made: ColumnElement[Any] = getattr(sa.func, self.function)(self.column)
        return made

    def over_parts(self, part: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return the function over what :meth:`over_rows` gave for each part."""
        made: ColumnElement[Any] = getattr(sa.func, "sum" if self.function == "count" else self.function)(part)
        return made


def _grouped(
    visibility: Visibility,
    info: EntityInfo,
    groups: Sequence[ColumnElement[Any]],
    cells: Sequence[_Cell],
    where: CheckedRule | None,
) -> sa.Select[Any]:
    """Return *cells* by *groups*: each branch of what is visible is grouped, as one index may cover it, then all."""
    table = visibility.schema.table(info)
    conditions: list[ColumnElement[bool]] = [table.c.deleted_at.is_(None)]
    if where is not None:
        conditions.append(compile_rule(where, VisibleSource(visibility, info, table.c), open_constants=True))
    columns = [group.label(f"group_{n}") for n, group in enumerate(groups)]
    columns += [cell.over_rows().label(f"cell_{n}") for n, cell in enumerate(cells)]
    # By place: PostgreSQL would not recognise an expression that has bound values.
    places: list[ColumnElement[Any]] = [sa.literal_column(str(n + 1)) for n in range(len(groups))]
    parts = [
        sa.select(*columns).select_from(table).where(*conditions, branch).group_by(*places)
        for branch in visibility.branches(info, table.c)
    ]
    if len(parts) == 1:
        return parts[0].order_by(*places)
    found = sa.union_all(*parts).subquery()
    whole: list[ColumnElement[Any]] = [found.c[f"group_{n}"] for n in range(len(groups))]
    whole += [cell.over_parts(found.c[f"cell_{n}"]) for n, cell in enumerate(cells)]
    return sa.select(*whole).group_by(*places).order_by(*places)


def _value(source: VisibleSource, field: FieldInfo | computed[Any]) -> ColumnElement[Any]:
    if isinstance(field, FieldInfo):
        found: ColumnElement[Any] = source.columns[filter_column(field)]
        return found
    return source.computed(field.name)


def _last_slot(kind: FieldType) -> Column:
    return kind.columns()[-1]


def _measure(source: VisibleSource, scope: FieldScope, measure: Measure, name: str) -> tuple[list[_Cell], _Result]:
    """Return the cells of *measure* and how they become one value."""
    if measure.field is None:
        return [_Cell("count")], _Result(name, "count", _ROWS)
    field = scope.field(measure.field)
    column = _value(source, field)
    if measure.function == "count":
        return [_Cell("count", column)], _Result(name, "count", _ROWS)
    sums = measure.function in ("sum", "avg")
    if not isinstance(field.type, _NUMBERS if sums else _ORDERED):
        raise MeasureError(source.entity.id, measure.function, measure.field, field.type.name)
    slot, scale = _last_slot(field.type), _scale(field.type, source.visibility.registry.currency)
    if measure.function == "avg":
        return [_Cell("sum", column), _Cell("count", column)], _Result(name, "mean", slot, scale)
    kind: Literal["field", "number"] = "number" if isinstance(field.type, _NUMBERS) else "field"
    return [_Cell(measure.function, column)], _Result(name, kind, slot, scale)


def _scale(kind: FieldType, currency: str) -> int | None:
    if isinstance(kind, MoneyType):
        return minor_digits(currency)
    return kind.scale if isinstance(kind, Decimals) else None
