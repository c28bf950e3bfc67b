"""The rules by which an attribute of an element, or an element as a whole, is judged.

A rule returns if it finds nothing wrong, and hands what stands inside to the walk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy.dialects.postgresql.ext import DistinctOnClause
from sqlalchemy.schema import Column
from sqlalchemy.sql import elements, operators, selectable
from sqlalchemy.sql.elements import FrameClauseType, _anonymous_label
from sqlalchemy.types import String, Unicode
from sqlalchemy.util import immutabledict

from crmkit.core.gate.lists import (
    EXECUTION_OPTIONS,
    EXTRACT_FIELDS,
    FUNCTIONS,
    MEMBERSHIP,
    STEADY_FUNCTIONS,
    STEADY_OPERATORS,
    is_plain_name,
    operator_in,
)
from crmkit.core.gate.types import foreign_types
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.gate.walk import Walk

__all__ = ["COLUMNS", "Rule"]

COLUMNS = (Column, elements.ColumnClause)
VALUES = (str, bytes, bool, int, float, Decimal, date, time, timedelta, UUID, type(None))
Rule = Callable[["Walk", Any], None]


def forget(_walk: Walk, _value: Any) -> None:
    """Say that the walk removes the attribute: SQLAlchemy computed it, and computes it again when it needs it."""


def empty(walk: Walk, value: Any) -> None:
    """Refuse anything but nothing."""
    if type(value) not in (bool, tuple, dict, immutabledict) or value:
        walk.refuse(_("prefixes, hints, options and parameters are not accepted here"))


def child(walk: Walk, value: Any) -> None:
    """Judge the element."""
    walk.push(value)


def children(walk: Walk, value: Any) -> None:
    """Judge each element."""
    for element in _sequence(walk, value):
        walk.push(element)


def condition(walk: Walk, value: Any) -> None:
    """Judge an element by which rows are chosen."""
    walk.push_condition(value)


def conditions(walk: Walk, value: Any) -> None:
    """Judge elements by which rows are chosen."""
    for element in _sequence(walk, value):
        walk.push_condition(element)


def source(walk: Walk, value: Any) -> None:
    """Judge what rows are taken from."""
    walk.push_source(value)


def sources(walk: Walk, value: Any) -> None:
    """Judge each thing that rows are taken from."""
    for element in _sequence(walk, value):
        walk.push_source(element)


def rows(walk: Walk, value: Any) -> None:
    """Accept a number of rows, not an expression: a union renders it without the names of its tables."""
    if type(value) not in (elements.BindParameter, selectable._OffsetLimitParam):
        walk.refuse(_("a limit or offset must be a number"))
    walk.push(value)


def name(walk: Walk, value: Any) -> None:
    """Accept a name that cannot be mistaken for anything else."""
    if not is_plain_name(value):
        walk.refuse(_('a name must not be marked as unquoted, nor hold any of " % [ ] ~ \\ or control characters'))


def cte_name(walk: Walk, value: Any) -> None:
    """Accept a name, and remember it: it must not stand before a table that a safe relation reads."""
    name(walk, value)
    walk.cte_names.append(value)


def kind(walk: Walk, value: Any) -> None:
    """Accept a listed type; leave any other until it is known which relations the statement reads."""
    if foreign_types(value):
        walk.types.append(value)


def joins(walk: Walk, value: Any) -> None:
    """Judge the targets and conditions of ``Select.join()``."""
    for target, on, left, _flags in _sequence(walk, value):
        walk.push_source(target)
        if on is not None:
            walk.push_condition(on)
        if left is not None:
            walk.push_source(left)


def distinct(walk: Walk, value: Any) -> None:
    """Note that output is compared, for which the database may compute it early."""
    walk.sorts_output = walk.sorts_output or bool(value)


def distinct_on(walk: Walk, value: Any) -> None:
    """Judge PostgreSQL's DISTINCT ON, the only extension of the syntax that is listed."""
    if type(value) is not DistinctOnClause:
        walk.refuse(_("prefixes, hints, options and parameters are not accepted here"))
    walk.push_condition(value)


def earlier_selects(walk: Walk, value: Any) -> None:
    """Judge what ``with_only_columns()`` keeps of the columns before it."""
    for kept in _sequence(walk, value):
        if type(kept) is not selectable._MemoizedSelectEntities or getattr(kept, "_with_options", True):
            walk.refuse(_("this kind of element is not listed"))
        conditions(walk, kept._raw_columns)
        joins(walk, kept._setup_joins)


def union_order(walk: Walk, value: Any) -> None:
    """Accept columns and their names: anything more is rendered without the names of its tables."""
    for clause in _sequence(walk, value):
        inner = clause
        while type(inner) in (elements._label_reference, elements.UnaryExpression):
            inner = inner.element
        if type(inner) not in (*COLUMNS, elements._textual_label_reference):
            walk.refuse(_("a union is ordered by its columns or their names"))
        walk.push(clause)


def dialect_options(walk: Walk, value: Any) -> None:
    """Refuse options of one database."""
    if any(options._non_defaults for options in dict(value).values()):
        walk.refuse(_("prefixes, hints, options and parameters are not accepted here"))


def execution_options(walk: Walk, value: Any) -> None:
    """Accept how rows are fetched, nothing that changes what is executed."""
    if type(value) is not immutabledict or not value.keys() <= EXECUTION_OPTIONS:
        walk.refuse(_("prefixes, hints, options and parameters are not accepted here"))


def keyword(walk: Walk, value: Any) -> None:
    """Accept UNION, INTERSECT, EXCEPT and their ALL."""
    if type(value) is not selectable._CompoundSelectKeyword:
        walk.refuse(_("the operator is not listed"))


def operator_of(listed: frozenset[Any]) -> Rule:
    """Return the rule that accepts an operator of *listed*, or none."""

    def listed_operator(walk: Walk, value: Any) -> None:
        if not operator_in(value, listed):
            walk.refuse(_("the operator is not listed"))
        if value not in STEADY_OPERATORS:
            walk.unsteady()

    return listed_operator


def modifiers(walk: Walk, value: Any) -> None:
    """Accept the escape of LIKE, SYMMETRIC, and a regular expression that ignores case."""
    if type(value) not in (dict, immutabledict):
        walk.refuse(_("the operator is not listed"))
    for key, modifier in value.items():
        plain = modifier is None or type(modifier) is bool
        if not (plain or (type(modifier) is str and (key, len(modifier)) in (("escape", 1), ("flags", 1)))):
            walk.refuse(_("the operator is not listed"))
        if key not in ("autoescape", "escape", "flags", "symmetric"):
            walk.refuse(_("the operator is not listed"))


def marked(walk: Walk, value: Any) -> None:
    """Judge the element of an operator; what DISTINCT compares within an aggregate may be computed early."""
    if walk.element.operator is operators.distinct_op:
        walk.push_condition(value)
    else:
        walk.push(value)


def right(walk: Walk, value: Any) -> None:
    """Judge the right side; after IN a select may have any number of rows, elsewhere a second row is an error."""
    is_set = type(value) is selectable.ScalarSelect and walk.element.operator in MEMBERSHIP
    if is_set:
        walk.push_output(value)
    else:
        walk.push(value)


def rows_exist(walk: Walk, value: Any) -> None:
    """Judge the select of EXISTS, which may have any number of rows."""
    if type(value) is selectable.ScalarSelect:
        walk.push_output(value)
    else:
        walk.push(value)


def unsteady(walk: Walk, _element: Any) -> None:
    """Note that the element may fail: a cast on a value, a scalar select on a second row, a field that a date lacks."""
    walk.unsteady()


def function(walk: Walk, element: Any) -> None:
    """Accept a listed function; the separator of ``aggregate_strings`` is written into the statement."""
    called = element.name
    if type(called) is not str or called not in FUNCTIONS or element.packagenames:
        walk.refuse(_("the function is not listed"), f"func.{called}")
    if called not in STEADY_FUNCTIONS:
        walk.unsteady()
    if called == "aggregate_strings":
        _separator(walk, element.clause_expr.element.clauses)


def _separator(walk: Walk, arguments: Any) -> None:
    separator: Any = arguments[1] if type(arguments) is list and len(arguments) == 2 else None
    plain = type(separator) is elements.BindParameter and type(separator.value) is str
    if not plain or type(separator.type) not in (String, Unicode):
        walk.refuse(_("the separator must be a string"))


def bind(walk: Walk, element: Any) -> None:
    """Accept a value under a name of its own; a shared name could replace the value that a safe relation binds."""
    if element.callable is not None or element.literal_execute or element.isoutparam or element.required:
        walk.refuse(_("a parameter must be a value, without a name of its own"))
    key = element.key
    if type(key) is _anonymous_label and "~" not in key:
        if key.startswith(f"%({id(element)} "):
            return
        if element._is_clone_of is not None:
            walk.borrowed_keys.append(key)
            return
    walk.refuse(_("a parameter must be a value, without a name of its own"))


def extract_field(walk: Walk, value: Any) -> None:
    """Accept the fields of EXTRACT that every database has."""
    if type(value) is not str or value not in EXTRACT_FIELDS:
        walk.refuse(_("this field of a date is not listed"))


def whens(walk: Walk, value: Any) -> None:
    """Judge the conditions and results of CASE."""
    for pair in _sequence(walk, value):
        children(walk, pair)


def exclude(walk: Walk, value: Any) -> None:
    """Accept what a window may leave out."""
    if type(value) is not str or value.upper() not in ("CURRENT ROW", "GROUP", "TIES", "NO OTHERS"):
        walk.refuse(_("this kind of element is not listed"))


def frame_type(walk: Walk, value: Any) -> None:
    """Accept the ends of a window's frame."""
    if type(value) is not FrameClauseType:
        walk.refuse(_("this kind of element is not listed"))


def label_text(walk: Walk, value: Any) -> None:
    """Accept the name of a column of the select; SQLAlchemy refuses any other when it compiles."""
    if type(value) is not str:
        walk.refuse(_("a name must be a string"))
    walk.sorts_output = True


def value_columns(walk: Walk, value: Any) -> None:
    """Accept named and typed columns of VALUES."""
    for column in _sequence(walk, value):
        if type(column) not in COLUMNS or column.is_literal:
            walk.refuse(_("this kind of element is not listed"))
        name(walk, column.name)
        kind(walk, column.type)


def value_rows(walk: Walk, value: Any) -> None:
    """Accept values only: VALUES turns whatever it holds into elements after this look at it."""
    for chunk in _sequence(walk, value):
        for row in _sequence(walk, chunk):
            for cell in _sequence(walk, row):
                if not isinstance(cell, VALUES) or hasattr(cell, "__clause_element__"):
                    walk.refuse(_("rows of values must hold values only"))


def _sequence(walk: Walk, value: Any) -> Iterable[Any]:
    if type(value) is not tuple and type(value) is not list:
        walk.refuse(_("this kind of element is not listed"))
    return value
