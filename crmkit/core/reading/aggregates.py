"""Groups and measures over what a principal sees: counts, sums, averages, extremes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.entity import EntityInfo
from crmkit.core.policy.visibility import Visibility
from crmkit.core.reading.currencies import SumsByCurrency
from crmkit.core.reading.grouped_rows import GroupedRows
from crmkit.core.reading.groups import Cell, Group, group_by, grouped
from crmkit.core.reading.measures import FUNCTIONS, Measure, MeasureError
from crmkit.core.reading.measuring import Result, measured
from crmkit.core.rules.check import CheckedRule, has_constants
from crmkit.core.storage.prepared import Prepared
from crmkit.core.text import gettext as _

__all__ = ["Aggregate", "Question", "count_statement", "left_64_bits"]


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
            if not isinstance(measure, Measure):
                raise MeasureError(self.info.id, _("{given!r} is no measure, such as count()"), given=measure)
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
        rows = GroupedRows(visibility, question.info)
        groups = [group_by(rows, name) for name in question.groups]
        self._results: list[Group | Result] = [*groups]
        self._by_currency: dict[str, SumsByCurrency] = {}
        cells: list[Cell] = []
        for name, measure in question.measures.items():
            if measure.function == "sum by currency":
                sums = SumsByCurrency(rows, groups, measure, question.where, dialect, in_halves=in_halves)
                self._by_currency[name] = sums
                continue
            wanted, result = measured(rows, measure, name, in_halves)
            cells += wanted
            self._results.append(result)
        self._names = (*question.groups, *question.measures)
        statement = grouped(rows, groups, cells or [Cell("count")], question.where)
        self._prepared = Prepared(statement, dialect, by_value=has_constants(question.where))
        self._dialect = dialect.name

    def answer(self, connection: Connection, given: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return a dict for each group: the values of its fields, and the measures by name."""
        rows = self._prepared.rows(connection, given)
        answers = [self._decoded(row) for row in rows]
        if not self._by_currency:
            return answers
        for name, sums in self._by_currency.items():
            for answer, found in zip(answers, sums.of(rows, connection, given), strict=True):
                answer[name] = found
        return [{name: answer[name] for name in self._names} for answer in answers]

    def _decoded(self, row: Sequence[Any]) -> dict[str, Any]:
        cells = iter(row)
        return {result.name: result.value(cells, self._dialect) for result in self._results}


def left_64_bits(error: sa.exc.OperationalError) -> bool:
    """Return whether SQLite refused a sum because it does not fit 64 bits."""
    return str(error.orig) == "integer overflow"


def count_statement(visibility: Visibility, info: EntityInfo, where: CheckedRule | None) -> sa.Select[Any]:
    """Return the statement that counts what *visibility* shows where *where* holds."""
    return grouped(GroupedRows(visibility, info), [], [Cell("count")], where)
