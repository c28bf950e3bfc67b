"""Groups and measures over what a principal sees: counts, sums, averages, extremes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql import ColumnElement

from crmkit.core.entity import EntityInfo, FieldInfo, computed
from crmkit.core.fields import Column, Date, DateTime, Decimals, FieldType, Integer, MoneyType
from crmkit.core.money import minor_digits
from crmkit.core.policy.rule_sources import FieldScope, VisibleSource
from crmkit.core.policy.visibility import Visibility
from crmkit.core.reading.measures import FUNCTIONS, Measure, MeasureError
from crmkit.core.rules.check import CheckedRule, has_constants
from crmkit.core.rules.numbers import from_raw
from crmkit.core.rules.sql import compile_rule
from crmkit.core.storage.codecs import slot_decoder
from crmkit.core.storage.prepared import Prepared
from crmkit.core.storage.schema import column_names, filter_column
from crmkit.core.text import gettext as _

__all__ = ["Aggregate", "Question", "count_statement", "left_64_bits"]

_NUMBERS = (Integer, Decimals, MoneyType)
_ORDERED = (*_NUMBERS, Date, DateTime)
_HALF = 32


@attrs.frozen(eq=False)
class Question:
    """What is asked of the records of one entity: *measures* by name, for each group, where a rule holds."""

    info: EntityInfo
    groups: tuple[str, ...]
    measures: Mapping[str, Measure]
    where: CheckedRule | None

    @property
    def key(self) -> tuple[Any, ...]:
        """What two questions share exactly if one statement serves both."""
        return self.info.id, self.groups, tuple(self.measures.items()), self.where and self.where.shape

    def check(self) -> None:
        """Return if there is something to measure, by functions that there are, under names of their own.

        Raises:
            MeasureError: there is not.
        """
        if not self.measures:
            raise MeasureError(self.info.id, _("name at least one measure, such as count()"))
        for name, measure in self.measures.items():
            if name in self.groups:
                raise MeasureError(self.info.id, _("{name!r} is the name of a group"), name=name)
            if measure.function not in FUNCTIONS:
                known = ", ".join(FUNCTIONS)
                message = _("there is no function {function!r}; there are {known}")
                raise MeasureError(self.info.id, message, function=measure.function, known=known)


class Aggregate:
    """A prepared statement that answers a question, and how its rows become dicts.

    An average is a sum and a count, divided in Python, so that it is exact and the same on every database. SQLite
    refuses a sum that leaves 64 bits: then *in_halves* sums up the halves of each number.
    """

    def __init__(
        self, question: Question, visibility: Visibility, dialect: sa.Dialect, *, in_halves: bool = False
    ) -> None:
        """Prepare it over what *visibility* shows, ordered by its groups.

        Raises:
            UnknownFieldError: a field does not exist, or is hidden.
            MeasureError: a measure makes no sense.
        """
        question.check()
        scope = FieldScope(visibility.registry, question.info, visibility.access)
        source = VisibleSource(visibility, question.info, visibility.schema.table(question.info).c)
        groups = [_group(source, name, scope.field(name)) for name in question.groups]
        self._results: list[_Group | _Result] = [*groups]
        cells: list[_Cell] = []
        for name, measure in question.measures.items():
            measured, result = _measure(source, scope, measure, name, in_halves)
            cells += measured
            self._results.append(result)
        statement = _grouped(visibility, question.info, groups, cells, question.where)
        self._prepared = Prepared(statement, dialect, by_value=has_constants(question.where))
        self._dialect = dialect.name

    def answer(self, connection: Connection, given: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return a dict for each group: the values of its fields, and the measures by name."""
        return [self._decoded(row) for row in self._prepared.rows(connection, given)]

    def _decoded(self, row: Sequence[Any]) -> dict[str, Any]:
        cells = iter(row)
        return {result.name: result.value(cells, self._dialect) for result in self._results}


def left_64_bits(error: sa.exc.OperationalError) -> bool:
    """Return whether SQLite refused a sum because it does not fit 64 bits."""
    return str(error.orig) == "integer overflow"


def count_statement(visibility: Visibility, info: EntityInfo, where: CheckedRule | None) -> sa.Select[Any]:
    """Return the statement that counts what *visibility* shows where *where* holds."""
    return _grouped(visibility, info, [], [_Cell("count")], where)


@attrs.frozen(eq=False)
class _Group:
    """A field by which records are grouped: its columns, and how their cells become its value."""

    name: str
    type: FieldType
    slots: Sequence[Column]
    columns: Sequence[ColumnElement[Any]]
    nullable: bool

    def value(self, cells: Iterator[Any], dialect: str) -> Any:
        parts = [_decoded(next(cells), slot, dialect) for slot in self.slots]
        return self.type.join(parts) if len(parts) == len(self.type.columns()) else parts[-1]


def _group(source: VisibleSource, name: str, field: FieldInfo | computed[Any]) -> _Group:
    slots = field.type.columns()
    if isinstance(field, FieldInfo) and not isinstance(field.type, MoneyType):
        columns = [source.columns[column] for column in column_names(field)]
        return _Group(name, field.type, slots, columns, field.nullable)
    return _Group(name, field.type, slots[-1:], [_value(source, field)], True)


def _decoded(cell: Any, slot: Column, dialect: str) -> Any:
    decode = slot_decoder(slot, dialect)
    return cell if cell is None or decode is None else decode(cell)


@attrs.frozen(eq=False)
class _Result:
    """How the cells of one measure become its value."""

    name: str
    kind: Literal["field", "count", "number", "mean"]
    slot: Column
    scale: int = 0
    in_halves: bool = False

    def value(self, cells: Iterator[Any], dialect: str) -> Any:
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
        return _decoded(cell, self.slot, dialect)

    def _number(self, cell: Any) -> Decimal:
        return from_raw(int(cell), self.scale)


_ROWS = Column("", "integer")


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

    def halves(self) -> tuple[_Cell, _Cell]:
        """Return the sums of the upper and of the lower 32 bits."""
        number = sa.type_coerce(self.column, sa.BigInteger())
        lower = number.bitwise_and(sa.literal((1 << _HALF) - 1, sa.BigInteger()))
        return _Cell("sum", number.bitwise_rshift(_HALF)), _Cell("sum", lower)


def _grouped(
    visibility: Visibility,
    info: EntityInfo,
    groups: Sequence[_Group],
    cells: Sequence[_Cell],
    where: CheckedRule | None,
) -> sa.Select[Any]:
    """Return *cells* by *groups*: each branch of what is visible is grouped, as one index may cover it, then all."""
    table = visibility.schema.table(info)
    conditions: list[ColumnElement[bool]] = [table.c.deleted_at.is_(None)]
    if where is not None:
        conditions.append(compile_rule(where, VisibleSource(visibility, info, table.c), open_constants=True))
    keys = [(column, group.nullable) for group in groups for column in group.columns]
    columns = [column.label(f"group_{n}") for n, (column, _nullable) in enumerate(keys)]
    columns += [cell.over_rows().label(f"cell_{n}") for n, cell in enumerate(cells)]
    # By place: PostgreSQL would not recognise an expression that has bound values.
    places: list[ColumnElement[Any]] = [sa.literal_column(str(n + 1)) for n in range(len(keys))]
    order = [place.nulls_last() if nullable else place for place, (_column, nullable) in zip(places, keys, strict=True)]
    parts = [
        sa.select(*columns).select_from(table).where(*conditions, branch).group_by(*places)
        for branch in visibility.branches(info, table.c)
    ]
    if len(parts) == 1:
        return parts[0].order_by(*order)
    found = sa.union_all(*parts).subquery()
    whole: list[ColumnElement[Any]] = [found.c[f"group_{n}"] for n in range(len(keys))]
    whole += [cell.over_parts(found.c[f"cell_{n}"]) for n, cell in enumerate(cells)]
    return sa.select(*whole).group_by(*places).order_by(*order)


def _value(source: VisibleSource, field: FieldInfo | computed[Any]) -> ColumnElement[Any]:
    if isinstance(field, FieldInfo):
        found: ColumnElement[Any] = source.columns[filter_column(field)]
        return found
    return source.computed(field.name)


def _last_slot(kind: FieldType) -> Column:
    return kind.columns()[-1]


def _measure(
    source: VisibleSource, scope: FieldScope, measure: Measure, name: str, in_halves: bool
) -> tuple[Sequence[_Cell], _Result]:
    """Return the cells of *measure* and how they become one value."""
    if measure.field is None:
        return [_Cell("count")], _Result(name, "count", _ROWS)
    field = scope.field(measure.field)
    column, slot = _value(source, field), _last_slot(field.type)
    scale = _scale(field.type, source.visibility.registry.currency)
    if measure.function == "count":
        return [_Cell("count", column)], _Result(name, "count", _ROWS)
    sums = measure.function in ("sum", "avg")
    if not isinstance(field.type, _NUMBERS if sums else _ORDERED):
        message = _("{function} of {field!r} makes no sense; it is a {kind}")
        facts = {"function": measure.function, "field": measure.field, "kind": field.type.name}
        raise MeasureError(source.entity.id, message, **facts)
    if not sums:
        kind: Literal["field", "number"] = "number" if isinstance(field.type, _NUMBERS) else "field"
        return [_Cell("max" if measure.function == "max" else "min", column)], _Result(name, kind, slot, scale)
    added = _Cell("sum", column)
    summed = added.halves() if in_halves else (added,)
    if measure.function == "sum":
        return summed, _Result(name, "number", slot, scale, in_halves)
    return [*summed, _Cell("count", column)], _Result(name, "mean", slot, scale, in_halves)


def _scale(kind: FieldType, currency: str) -> int:
    if isinstance(kind, MoneyType):
        return minor_digits(currency)
    return kind.scale if isinstance(kind, Decimals) else 0
