"""Sums of money in the currencies in which it was given: a statement of their own beside the other measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.entity import FieldInfo
from crmkit.core.fields import MoneyType
from crmkit.core.money import Money
from crmkit.core.reading.grouped_rows import GroupedRows
from crmkit.core.reading.groups import Group, grouped
from crmkit.core.reading.measures import Measure, MeasureError
from crmkit.core.reading.measuring import Result, summed
from crmkit.core.rules.check import CheckedRule, has_constants
from crmkit.core.storage.prepared import Prepared, Row
from crmkit.core.text import gettext as _

__all__ = ["SumsByCurrency"]


class SumsByCurrency:
    """The sums of one field of money, for each group of a question and each currency."""

    def __init__(
        self,
        rows: GroupedRows,
        groups: Sequence[Group],
        measure: Measure,
        where: CheckedRule | None,
        dialect: sa.Dialect,
        *,
        in_halves: bool,
    ) -> None:
        """Prepare the statement.

        Raises:
            UnknownFieldError: there is no such field, or it is hidden.
            MeasureError: it is not money that is stored.
        """
        name = str(measure.field)
        field = rows.field(name)
        if not isinstance(field, FieldInfo) or not isinstance(field.type, MoneyType):
            raise MeasureError(rows.info.id, _("{field!r} has no currencies"), field=name)
        minor, currency, _base = rows.columns(name)
        by_currency = Group("currency", field.type, field.type.columns()[1:2], [currency], nullable=True)
        self._width = sum(len(group.columns) for group in groups)
        self._sum = Result("sum", "number", in_halves=in_halves)
        statement = grouped(rows, [*groups, by_currency], summed(minor, in_halves), where)
        self._prepared = Prepared(statement, dialect, by_value=has_constants(where))

    def of(self, rows: Sequence[Row], connection: Connection, given: Mapping[str, Any]) -> list[dict[str, Money]]:
        """Return the sums by currency for each of *rows*, which begin with the cells of the groups."""
        found: dict[Row, dict[str, Money]] = {}
        for row in self._prepared.rows(connection, given):
            currency = row[self._width]
            if currency is not None:
                total = self._sum.value(iter(row[self._width + 1 :]), "")
                found.setdefault(row[: self._width], {})[currency] = Money(total, currency)
        return [found.get(row[: self._width], {}) for row in rows]
