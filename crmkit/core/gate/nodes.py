"""What each kind of element may hold: for every attribute the rule that judges it.

The tables list everything. An element of a kind that is not here, or with an attribute that its table does not
name, is refused; so a new release of SQLAlchemy closes the gate rather than opening it.
"""

from __future__ import annotations

import attrs
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.dialects.postgresql.ext import DistinctOnClause
from sqlalchemy.sql import elements, selectable
from sqlalchemy.util import memoized_property

from crmkit.core.gate import rules as r
from crmkit.core.gate.lists import BINARY_OPERATORS, FUNCTION_CLASSES, LIST_OPERATORS, MODIFIERS, UNARY_OPERATORS

__all__ = ["COLUMN_MEMOS", "FROMS", "LEAVES", "SHAPES", "STATEMENTS", "Shape"]

Rules = dict[str, r.Rule | None]


@attrs.frozen
class Shape:
    """How one kind of element is judged: a look at the *whole*, then a rule for each attribute.

    An attribute whose rule is ``None`` changes nothing that matters; one whose rule is ``forget`` is computed anew.
    """

    rules: Rules
    whole: r.Rule | None = None


STATEMENTS = (selectable.Select, selectable.CompoundSelect)
FROMS = frozenset(
    [selectable.Alias, selectable.CTE, selectable.Lateral, selectable.Subquery, selectable.Values]
)  # fmt: skip
LEAVES = frozenset([elements.Null, elements.True_, elements.False_])

_EXPRESSION: Rules = {"type": r.kind, "_is_implicitly_boolean": None}
_LIST: Rules = {
    "clauses": r.children, "operator": r.operator_of(LIST_OPERATORS), "group": None, "group_contents": None,
    "_text_converter_role": None, "_is_implicitly_boolean": None,
}  # fmt: skip
_STATEMENT: Rules = {
    "_label_style": None, "_limit_clause": r.rows, "_offset_clause": r.rows, "_fetch_clause": r.rows,
    "_fetch_clause_options": None, "_for_update_arg": r.empty, "_independent_ctes": r.sources,
    "_independent_ctes_opts": None, "_with_options": r.empty, "_compile_state_funcs": r.empty, "_params": r.empty,
    "_annotations": r.empty, "_propagate_attrs": r.empty, "_execution_options": r.execution_options,
    "dialect_options": r.dialect_options,
}  # fmt: skip
_SELECT: Rules = _STATEMENT | {
    "_raw_columns": r.children, "_distinct": r.distinct, "_distinct_on": r.conditions, "_from_obj": r.sources,
    "_where_criteria": r.conditions, "_having_criteria": r.conditions, "_order_by_clauses": r.conditions,
    "_group_by_clauses": r.conditions, "_setup_joins": r.joins, "_memoized_select_entities": r.earlier_selects,
    "_correlate": r.sources, "_correlate_except": r.sources, "_auto_correlate": None, "_prefixes": r.empty,
    "_suffixes": r.empty, "_hints": r.empty, "_statement_hints": r.empty, "_post_select_clause": r.empty,
    "_pre_columns_clause": r.distinct_on, "_post_criteria_clause": r.empty, "_post_body_clause": r.empty,
}  # fmt: skip
_UNION: Rules = _STATEMENT | {
    "selects": r.conditions, "keyword": r.keyword, "_order_by_clauses": r.union_order, "_group_by_clauses": r.empty,
}  # fmt: skip
_FROM: Rules = {"_columns": None, "primary_key": None, "foreign_keys": None}
_ALIAS: Rules = _FROM | {"element": r.source, "name": r.name, "_orig_name": None}
_CTE: Rules = _ALIAS | {
    "name": r.cte_name, "recursive": None, "nesting": None, "_cte_alias": r.source, "_restates": r.source,
    "_prefixes": r.empty, "_suffixes": r.empty,
}  # fmt: skip
_VALUES: Rules = _FROM | {
    "_column_args": r.value_columns, "_data": r.value_rows, "name": r.name, "literal_binds": r.empty, "_unnamed": None,
    "named_with_column": None, "_is_lateral": None, "_independent_ctes": r.empty, "_independent_ctes_opts": None,
}  # fmt: skip
_FUNCTION: Rules = _EXPRESSION | {
    "name": None, "packagenames": r.empty, "clause_expr": r.child, "monotonic": None, "_has_args": None,
}  # fmt: skip
_UNARY: Rules = _EXPRESSION | {
    "element": r.marked, "operator": r.operator_of(UNARY_OPERATORS), "modifier": r.operator_of(MODIFIERS),
    "negate": None,
}  # fmt: skip
_BINARY: Rules = _EXPRESSION | {
    "left": r.child, "right": r.right, "operator": r.operator_of(BINARY_OPERATORS), "modifiers": r.modifiers,
    "negate": None, "_orig": None,
}  # fmt: skip
_BIND: Rules = {
    "type": r.kind, "key": None, "value": None, "callable": None, "isoutparam": None, "required": None,
    "literal_execute": None, "unique": None, "expanding": None, "expand_op": None, "_anon_map_key": None,
    "_identifying_key": None, "_orig_key": None,
}  # fmt: skip
_LABEL: Rules = _EXPRESSION | {
    "name": r.name, "key": None, "_tq_label": r.name, "_tq_key_label": r.name, "_element": r.child, "_proxies": None,
    "_resolve_label": None,
}  # fmt: skip
_OVER: Rules = _EXPRESSION | {
    "element": r.child, "order_by": r.condition, "partition_by": r.condition, "range_": r.child, "rows": r.child,
    "groups": r.child, "exclude": r.exclude,
}  # fmt: skip
_FRAME: Rules = {
    "lower_bind": r.child, "upper_bind": r.child, "lower_type": r.frame_type, "upper_type": r.frame_type,
}  # fmt: skip
_JOIN: Rules = _FROM | {"left": r.source, "right": r.source, "onclause": r.condition, "isouter": None, "full": None}
_ORDERED: Rules = _EXPRESSION | {"element": r.child, "order_by": r.condition}

_SHAPES: dict[type, Shape] = {
    selectable.Select: Shape(_SELECT),
    selectable.CompoundSelect: Shape(_UNION),
    selectable.SelectStatementGrouping: Shape({"element": r.child, "_annotations": r.empty}),
    selectable.ScalarSelect: Shape(_EXPRESSION | {"element": r.condition}, whole=r.unsteady),
    selectable.Exists: Shape(_UNARY | {"element": r.rows_exist}),
    selectable.Subquery: Shape(_ALIAS),
    selectable.Alias: Shape(_ALIAS),
    selectable.Lateral: Shape(_ALIAS),
    selectable.CTE: Shape(_CTE),
    selectable.Values: Shape(_VALUES),
    selectable.Join: Shape(_JOIN),
    selectable.FromGrouping: Shape({"element": r.source}),
    elements.BindParameter: Shape(_BIND, whole=r.bind),
    selectable._OffsetLimitParam: Shape(_BIND, whole=r.bind),
    elements.Label: Shape(_LABEL),
    elements.BinaryExpression: Shape(_BINARY),
    elements.UnaryExpression: Shape(_UNARY),
    elements.CollectionAggregate: Shape(_UNARY),
    elements.AsBoolean: Shape(_UNARY),
    elements.Grouping: Shape(_EXPRESSION | {"element": r.child}),
    elements.ClauseList: Shape(_LIST),
    elements.Tuple: Shape(_LIST | _EXPRESSION),
    elements.ExpressionClauseList: Shape(_LIST | _EXPRESSION | {"operator": r.operator_of(BINARY_OPERATORS)}),
    elements.BooleanClauseList: Shape(_LIST | _EXPRESSION),
    elements.Case: Shape(_EXPRESSION | {"whens": r.whens, "value": r.child, "else_": r.child}),
    elements.Cast: Shape(_EXPRESSION | {"clause": r.child, "typeclause": r.child}, whole=r.unsteady),
    elements.TypeClause: Shape({"type": r.kind}),
    elements.TypeCoerce: Shape(_EXPRESSION | {"clause": r.child}),
    elements.Extract: Shape(_EXPRESSION | {"expr": r.child, "field": r.extract_field}, whole=r.unsteady),
    elements.CollationClause: Shape(_EXPRESSION | {"collation": r.name, "collation_schema": r.name}),
    elements.Slice: Shape(_EXPRESSION | {"start": r.child, "stop": r.child, "step": r.child}),
    elements.FunctionFilter: Shape(_EXPRESSION | {"func": r.child, "criterion": r.child}),
    elements.Over: Shape(_OVER),
    elements.FrameClause: Shape(_FRAME),
    elements.WithinGroup: Shape(_ORDERED),
    elements.AggregateOrderBy: Shape(_ORDERED),
    elements._label_reference: Shape(_EXPRESSION | {"element": r.child}),
    elements._textual_label_reference: Shape(_EXPRESSION | {"element": r.label_text}),
    DistinctOnClause: Shape({"_distinct_on": r.children}),
    array: Shape(_LIST | _EXPRESSION),
    **{called: Shape(_FUNCTION, whole=r.function) for called in FUNCTION_CLASSES},
}


# The columns of what rows are taken from are known by identity; the rest is not rendered.
_KEPT: Rules = dict.fromkeys(
    [
        "c", "columns", "primary_key", "foreign_keys", "_cloned_set", "_proxies", "proxy_set", "comparator",
        "_memoized_keys", "_generate_cache_key", "_is_clone_of", "_propagate_attrs",
    ]
)  # fmt: skip


def _with_memos(element: type, shape: Shape) -> Shape:
    """Return *shape* that also names what SQLAlchemy computes from the rest and keeps in the element."""
    memos = {
        attribute
        for base in element.__mro__
        for attribute, value in vars(base).items()
        if isinstance(value, memoized_property)
    }
    forgotten: Rules = dict.fromkeys(memos, r.forget)
    return attrs.evolve(shape, rules=forgotten | _KEPT | shape.rules)


SHAPES = {element: _with_memos(element, shape) for element, shape in _SHAPES.items()}
# By these a column is named, and found in what rows are taken from.
COLUMN_MEMOS = frozenset(
    [
        "_from_objects", "_non_anon_label", "_proxy_key", "_tq_label", "_tq_key_label", "_anon_name_label",
        "_anon_key_label", "_anon_tq_label", "_anon_tq_key_label", "_expression_label",
    ]
)  # fmt: skip
