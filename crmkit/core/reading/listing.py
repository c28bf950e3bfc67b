"""The statements behind lists: pages in order, by keyset, from disjoint branches that each walk one index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import attrs
import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from crmkit.core.entity import EntityInfo, FieldInfo
from crmkit.core.policy.rule_sources import VisibleSource
from crmkit.core.policy.visibility import Visibility
from crmkit.core.reading.ordering import Order, OrderKey
from crmkit.core.rules.check import CheckedRule
from crmkit.core.rules.portable import Unindexed
from crmkit.core.rules.sql import compile_rule
from crmkit.core.storage.batches import id_parameters
from crmkit.core.storage.columns import Id, sql_type
from crmkit.core.storage.custom import is_there

__all__ = ["Listing", "Stretch"]

Statement = sa.Select[Any] | sa.CompoundSelect[Any]
Conditions = Sequence[ColumnElement[bool]]
# Disjoint branches, and what must hold in each.
Way = tuple[Conditions, Conditions]
S = TypeVar("S", bound=sa.GenerativeSelect)


@attrs.frozen
class Stretch:
    """What one statement reads: a part of one segment.

    *after* says for each key, and for the id, whether the cursor's value there is not null; ``None`` without a cursor.
    """

    segment: str
    limit: int | None
    after: tuple[bool, ...] | None


@attrs.frozen(eq=False)
class Listing:
    """One list: whose eyes, which entity, which columns, what condition, which order.

    A page is read in segments: rows that have a value of the first key, in its order, then rows that have none, by
    id. Each segment is served by an index on every database, which one ``ORDER BY`` over both is not.
    """

    visibility: Visibility
    info: EntityInfo
    columns: Sequence[str]
    where: CheckedRule | None
    order: Order
    is_sqlite: bool
    deleted: bool = False

    @property
    def segments(self) -> tuple[str, ...]:
        """The segments in the order in which they are read."""
        return ("with", "without") if self.order.keys and self.order.keys[0].nullable else ("all",)

    def statements(self, stretch: Stretch) -> list[Statement]:
        """Return statements that all give the rows of *stretch*: which is fast only the data tell.

        They take ``after_0``, ``after_1``… if it has a cursor.
        """
        table = self._table()
        ways = self._ways(table, stretch) if self.is_sqlite and stretch.limit else [self._planned_way(table, stretch)]
        return [self._merged(table, branches, filter_, stretch) for branches, filter_ in ways]

    def _planned_way(self, table: sa.Table, stretch: Stretch) -> Way:
        """Return the way for a planner with statistics, or for all rows."""
        in_branches = stretch.limit is not None and not self._begins_beside(stretch)
        return self._branches(table) if in_branches else [self._predicate(table)], self._filter(table)

    def _ways(self, table: sa.Table, stretch: Stretch) -> list[Way]:
        """Return every way to begin: SQLite's planner knows nothing of the values that it is asked for.

        One may begin at the branches of what is visible, at the side table that the order needs, at the filter, or at
        both branches and filter. What a way does not begin at is hidden from the indexes.
        """
        branches, filter_ = self._branches(table), self._filter(table)
        row_by_row = [Unindexed(condition) for condition in self._filter(table, row_by_row=True)]
        whole = [Unindexed(self._predicate(table))]
        ways: list[Way] = [(branches, row_by_row)]
        if len(branches) > 1 and self._begins_beside(stretch):
            ways.insert(0, (whole, row_by_row))
        return [*ways, (branches, filter_), (whole, filter_)] if filter_ else ways

    def _begins_beside(self, stretch: Stretch) -> bool:
        """Return whether the order walks the index of a side table."""
        return stretch.segment == "with" and self.order.keys[0].plugin is not None

    def by_ids(self, number: int) -> sa.Select[Any]:
        """Return the statement of the visible records among *number* ids, ``id_0`` and so on."""
        table = self._table()
        ids = id_parameters(number)
        return self._where(table, table.c.id == ids[0] if number == 1 else table.c.id.in_(ids))

    def by_number(self, field: FieldInfo) -> sa.Select[Any]:
        """Return the statement of the visible record whose human number, kept in *field*, is ``number``."""
        table = self._table()
        return self._where(table, table.c[field.name] == sa.bindparam("number", type_=sa.String(), required=True))

    def _where(self, table: sa.Table, wanted: ColumnElement[bool]) -> sa.Select[Any]:
        visible = self.visibility.predicate(self.info, table.c)
        return sa.select(*(table.c[name] for name in self.columns)).where(wanted, self._kept(table), visible)

    def _table(self) -> sa.Table:
        return self.visibility.schema.table(self.info)

    def _predicate(self, table: sa.Table) -> ColumnElement[bool]:
        visible = self.visibility.predicate(self.info, table.c)
        return sa.and_(visible, self.visibility.predicate(self.info, table.c, "delete")) if self.deleted else visible

    def _branches(self, table: sa.Table) -> list[ColumnElement[bool]]:
        return [self._predicate(table)] if self.deleted else self.visibility.branches(self.info, table.c)

    def _merged(self, table: sa.Table, branches: Conditions, filter_: Conditions, stretch: Stretch) -> Statement:
        """Return the *stretch* of what lies in any of the disjoint *branches*."""
        parts = [self._part(table, (branch, *filter_), stretch) for branch in branches]
        terms = self._terms(table, stretch.segment)
        ordered = [term.directed(term.column) for term in terms]
        if len(parts) == 1:
            return self._cut(stretch, parts[0].order_by(*ordered))
        # SQLite merges plain branches row by row, and would fill a table for each one that has a limit of its own;
        # PostgreSQL walks an index only for the latter.
        merged = sa.union_all(
            *(parts if self.is_sqlite else (self._cut(stretch, part.order_by(*ordered)) for part in parts))
        )
        return self._cut(stretch, merged.order_by(*(term.directed(self._named(table, term)) for term in terms)))

    def _cut(self, stretch: Stretch, statement: S) -> S:
        """Return *statement* with the limit of *stretch*.

        On PostgreSQL it is no parameter: it would plan anew at each run, taking a tenth of all rows for what is wanted.
        SQLite must not know it: for few rows it takes sorting for cheap, whatever is read for it.
        """
        if stretch.limit is None or self.is_sqlite:
            return statement.limit(stretch.limit)
        return statement.limit(sa.literal_column(str(stretch.limit), sa.Integer()))

    def _named(self, table: sa.Table, term: _Term) -> ColumnElement[Any]:
        """Return the column of *term* as a merged statement calls it."""
        return sa.literal_column("id" if term.column is table.c.id else f"order_{term.place}")

    def _selected(self, table: sa.Table) -> list[ColumnElement[Any]]:
        """Return the record's columns and, behind them, the values of the order for the cursor."""
        values = [self._key_column(table, key).label(f"order_{n}") for n, key in enumerate(self.order.keys)]
        return [*(table.c[name] for name in self.columns), *values]

    def _part(self, table: sa.Table, conditions: Conditions, stretch: Stretch) -> sa.Select[Any]:
        statement = sa.select(*self._selected(table)).select_from(self._from(table, stretch.segment))
        statement = statement.where(self._kept(table), *conditions, *self._segment(table, stretch.segment))
        return statement if stretch.after is None else statement.where(self._beyond(table, stretch))

    def _kept(self, table: sa.Table) -> ColumnElement[bool]:
        return table.c.deleted_at.is_not(None) if self.deleted else table.c.deleted_at.is_(None)

    def _source(self, table: sa.Table) -> VisibleSource:
        return VisibleSource(self.visibility, self.info, table.c, self.deleted)

    def _filter(self, table: sa.Table, *, row_by_row: bool = False) -> list[ColumnElement[bool]]:
        if self.where is None:
            return []
        return [compile_rule(self.where, self._source(table), row_by_row=row_by_row, open_constants=True)]

    def _extensions(self) -> list[str]:
        return list(dict.fromkeys(key.plugin for key in self.order.keys if key.plugin is not None))

    def _side(self, plugin: str) -> sa.Table:
        return self.visibility.schema.table(self.visibility.registry.extensions[self.info.id][plugin])

    def _from(self, table: sa.Table, segment: str) -> sa.FromClause:
        """Join the side tables that the order needs; the first key's drives the segment of rows with a value."""
        joined: sa.FromClause = table
        for place, plugin in enumerate(self._extensions()):
            side = self._side(plugin)
            drives = place == 0 and segment == "with" and self.order.keys[0].plugin == plugin
            joined = joined.join(side, side.c.record_id == table.c.id, isouter=not drives)
        return joined

    def _key_column(self, table: sa.Table, key: OrderKey) -> ColumnElement[Any]:
        source = self._source(table)
        if key.plugin is not None:
            source = source.beside(key.plugin, self._side(key.plugin).c)
        return source.value(key.field)

    def _terms(self, table: sa.Table, segment: str) -> list[_Term]:
        """Return what the segment is sorted by; in it the first key's nulls are already dealt with."""
        start = 1 if segment == "without" else 0
        terms = [
            _Term(place, self._key_column(table, key), key.descending, key.nullable and place > 0)
            for place, key in enumerate(self.order.keys)
            if place >= start
        ]
        return [*terms, _Term(len(self.order.keys), table.c.id, self.order.id_descending, nullable=False)]

    def _segment(self, table: sa.Table, segment: str) -> Iterator[ColumnElement[bool]]:
        if segment == "all":
            return
        column = self._key_column(table, self.order.keys[0])
        yield is_there(column) if segment == "with" else column.is_(None)

    def _beyond(self, table: sa.Table, stretch: Stretch) -> ColumnElement[bool]:
        """Return the condition of standing behind the cursor: lexicographic over the terms."""
        terms, after = self._terms(table, stretch.segment), stretch.after or ()
        marks = {term.place: self._mark(term) for term in terms}
        if not any(term.nullable for term in terms) and len({term.descending for term in terms}) == 1:
            # Row values, which both databases turn into one index range.
            left, right = sa.tuple_(*(t.column for t in terms)), sa.tuple_(*(marks[t.place] for t in terms))
            return left < right if terms[0].descending else left > right
        condition: ColumnElement[bool] = sa.false()
        for term in reversed(terms):
            condition = term.beyond(marks[term.place], condition, given=after[term.place])
        return condition

    def _mark(self, term: _Term) -> ColumnElement[Any]:
        if term.place == len(self.order.keys):
            kind: Any = Id()
        else:
            kind = sql_type(self.order.keys[term.place].field.type.columns()[-1])
        return sa.bindparam(f"after_{term.place}", type_=kind, required=True)


@attrs.frozen(eq=False)
class _Term:
    """One column that a list is sorted by; *place* is that of its key, nulls come last."""

    place: int
    column: ColumnElement[Any]
    descending: bool
    nullable: bool

    def directed(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return *column* in the direction of this term."""
        sorted_by = column.desc() if self.descending else column.asc()
        return sorted_by.nulls_last() if self.nullable else sorted_by

    def beyond(self, mark: ColumnElement[Any], rest: ColumnElement[bool], *, given: bool) -> ColumnElement[bool]:
        """Return the condition of standing behind *mark* in this term, or level with it and behind in the *rest*."""
        if not given:
            return sa.and_(self.column.is_(None), rest)
        behind = self.column < mark if self.descending else self.column > mark
        level = sa.and_(self.column == mark, rest)
        return sa.or_(self.column.is_(None), behind, level) if self.nullable else sa.or_(behind, level)
