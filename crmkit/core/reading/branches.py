"""Statements that sum up one safe relation, read branch by branch: each walks an index, and many need nothing else.

A safe relation holds what is visible under one condition, which the databases can join and page well. To sum up a
million rows under it they read each of them; by branches, only those that somebody sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement, visitors
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import SelectBase

from crmkit.core.entity import EntityInfo
from crmkit.core.policy.visibility import Visibility

__all__ = ["in_branches"]

S = TypeVar("S", bound=sa.Select[Any] | sa.CompoundSelect[Any])


def in_branches(statement: S, issued: Mapping[sa.Subquery, EntityInfo | None], visibility: Visibility) -> S:
    """Return *statement* over the branches of the safe relation that it groups or counts, if that is all it reads.

    *issued* are the safe relations that there are, each with its entity; visits have none. Any other statement comes
    back as it is: what joins, or wants few of many rows, is better off with one condition.
    """
    relation = _summed_up(statement, issued)
    info = None if relation is None else issued[relation]
    if relation is None or info is None:
        return statement
    table = visibility.schema.table(info)
    branches = visibility.branches(info, table.c)
    if len(branches) < 2:
        return statement
    used = _columns_of(statement, relation)
    inner: Any = relation.element
    columns = [column for column in inner.selected_columns if column.key in used] or [table.c.id]
    parts = [sa.select(*columns).where(table.c.deleted_at.is_(None), branch) for branch in branches]
    merged = sa.union_all(*parts).subquery()

    def instead(element: Any, **_options: Any) -> Any:
        if element is relation:
            return merged
        key = _key_in(element, relation)
        return None if key is None else merged.c[key]

    return visitors.replacement_traverse(statement, {}, instead)  # type: ignore[return-value]


def _summed_up(statement: Any, issued: Mapping[sa.Subquery, EntityInfo | None]) -> sa.Subquery | None:
    """Return the safe relation that *statement* sums up, if it reads nothing else and all of its rows."""
    if not isinstance(statement, sa.Select) or statement._limit_clause is not None:
        return None
    relation = froms[0] if len(froms := statement.get_final_froms()) == 1 else None
    if not isinstance(relation, sa.Subquery) or (info := issued.get(relation)) is None or info.host:
        return None
    inner: Any = relation.element
    # A fence keeps conditions that may fail away from hidden rows: it stays.
    if inner._offset_clause is not None or inner._limit_clause is not None:
        return None
    within = {id(element) for element in visitors.iterate(relation)}
    outside = [element for element in visitors.iterate(statement) if id(element) not in within]
    functions = [element for element in outside if isinstance(element, FunctionElement)]
    # SQLAlchemy takes every function for something that could be selected from.
    sources = [element for element in outside if isinstance(element, SelectBase | sa.FromClause)]
    if len(sources) > len(functions) + 1:
        return None
    return relation if functions or statement._group_by_clauses else None


def _columns_of(statement: Any, relation: sa.Subquery) -> set[str]:
    return {key for element in visitors.iterate(statement) if (key := _key_in(element, relation)) is not None}


def _key_in(element: Any, relation: sa.Subquery) -> str | None:
    """Return the key of *element* if it is a column of *relation*."""
    is_column = isinstance(element, ColumnElement) and getattr(element, "table", None) is relation
    return element.key if is_column else None
