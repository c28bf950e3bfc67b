"""The statement that groups rows: by which columns, which cells over each group, and how groups become values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import attrs
import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from crmkit.core.entity import FieldInfo
from crmkit.core.fields import Column, FieldType, Json, MoneyType
from crmkit.core.money import Money
from crmkit.core.reading.grouped_rows import GroupedRows
from crmkit.core.reading.measures import MeasureError
from crmkit.core.rules.check import CheckedRule
from crmkit.core.rules.sql import compile_rule
from crmkit.core.storage.codecs import slot_decoder
from crmkit.core.text import gettext as _

__all__ = ["Cell", "Group", "decoded", "group_by", "grouped"]


@attrs.frozen(eq=False)
class Group:
    """A field by which records are grouped: its columns, and how their cells become its value."""

    name: str
    type: FieldType
    slots: Sequence[Column]
    columns: Sequence[ColumnElement[Any]]
    nullable: bool
    currency: str | None = None

    def value(self, cells: Iterator[Any], dialect: str) -> Any:
        """Return the value of the field that the next of *cells* hold; of money, in the company's *currency*."""
        parts = [decoded(next(cells), slot, dialect) for slot in self.slots]
        if self.currency is not None:
            return None if parts[0] is None else Money(parts[0], self.currency)
        return self.type.join(parts) if len(parts) == len(self.type.columns()) else parts[-1]


def group_by(rows: GroupedRows, name: str) -> Group:
    """Return the group by the field *name*.

    Raises:
        UnknownFieldError: there is no such field, or it is hidden.
        MeasureError: values of this kind form no groups.
    """
    field = rows.field(name)
    slots = field.type.columns()
    if isinstance(field.type, Json):
        raise MeasureError(rows.info.id, _("there are no groups by {field!r}; it is a {kind}"), field=name, kind="json")
    if isinstance(field.type, MoneyType):
        return Group(name, field.type, slots[-1:], [rows.value(name)], True, rows.visibility.registry.currency)
    if isinstance(field, FieldInfo):
        return Group(name, field.type, slots, rows.columns(name), field.nullable)
    return Group(name, field.type, slots[-1:], [rows.value(name)], True)


def decoded(cell: Any, slot: Column, dialect: str) -> Any:
    """Return the driver's *cell* of *slot* as our value."""
    decode = slot_decoder(slot, dialect)
    return cell if cell is None or decode is None else decode(cell)


@attrs.frozen(eq=False)
class Cell:
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


def grouped(
    rows: GroupedRows, groups: Sequence[Group], cells: Sequence[Cell], where: CheckedRule | None
) -> sa.Select[Any]:
    """Return *cells* by *groups*: each branch of what is visible is grouped, as one index may cover it, then all."""
    conditions: list[ColumnElement[bool]] = [rows.table.c.deleted_at.is_(None)]
    if where is not None:
        conditions.append(compile_rule(where, rows.source, open_constants=True))
    keys = [(column, group.nullable) for group in groups for column in group.columns]
    columns = [column.label(f"group_{n}") for n, (column, _nullable) in enumerate(keys)]
    columns += [cell.over_rows().label(f"cell_{n}") for n, cell in enumerate(cells)]
    # By place: PostgreSQL would not recognise an expression that has bound values.
    places: list[ColumnElement[Any]] = [sa.literal_column(str(n + 1)) for n in range(len(keys))]
    order = [place.nulls_last() if nullable else place for place, (_column, nullable) in zip(places, keys, strict=True)]
    parts = [
        sa.select(*columns).select_from(rows.joined).where(*conditions, branch).group_by(*places)
        for branch in rows.visibility.branches(rows.info, rows.table.c)
    ]
    if len(parts) == 1:
        return parts[0].order_by(*order)
    found = sa.union_all(*parts).subquery()
    whole: list[ColumnElement[Any]] = [found.c[f"group_{n}"] for n in range(len(keys))]
    whole += [cell.over_parts(found.c[f"cell_{n}"]) for n, cell in enumerate(cells)]
    return sa.select(*whole).group_by(*places).order_by(*order)
