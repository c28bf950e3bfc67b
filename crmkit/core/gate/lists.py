"""What a statement may use: functions, operators, names and options. Whatever is not listed is refused."""

from __future__ import annotations

import operator
import re
from types import BuiltinFunctionType, FunctionType
from typing import Any

from sqlalchemy.sql import functions, operators
from sqlalchemy.sql.elements import _anonymous_label, _truncated_label, quoted_name

__all__ = [
    "BINARY_OPERATORS",
    "EXECUTION_OPTIONS",
    "EXTRACT_FIELDS",
    "FUNCTIONS",
    "FUNCTION_CLASSES",
    "LIST_OPERATORS",
    "MEMBERSHIP",
    "MODIFIERS",
    "STEADY_FUNCTIONS",
    "STEADY_OPERATORS",
    "UNARY_OPERATORS",
    "is_plain_name",
    "operator_in",
]

# Steady: no row can make it fail, so it may stand in a condition that the database evaluates before the policy's.
STEADY_FUNCTIONS = frozenset(
    """
    aggregate_strings array_agg avg bool_and bool_or count every group_concat max min string_agg sum total
    cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number
    char_length crm_fold length lower ltrim rtrim trim upper
    coalesce greatest ifnull iif least nullif
    current_date current_time current_timestamp localtimestamp now
    """.split()
)
FUNCTIONS = STEADY_FUNCTIONS | frozenset(
    """
    corr covar_pop covar_samp mode percentile_cont percentile_disc regr_count regr_intercept regr_r2 regr_slope
    stddev stddev_pop stddev_samp var_pop var_samp variance
    ascii char chr concat concat_ws initcap instr left lpad octet_length repeat replace reverse right rpad
    split_part strpos substr substring unicode
    abs cbrt ceil ceiling degrees exp floor ln log log10 mod pi pow power radians random round sign sqrt trunc
    acos asin atan atan2 cos sin tan width_bucket
    age date date_bin date_part date_trunc datetime julianday make_date strftime time to_char to_date unixepoch
    json_array_length json_extract json_type json_valid
    jsonb_array_length jsonb_extract_path jsonb_extract_path_text jsonb_typeof
    """.split()
)
FUNCTION_CLASSES = frozenset(
    [functions.Function]
    + [getattr(functions, name) for name in FUNCTIONS if isinstance(getattr(functions, name, None), type)]
)

_COMPARISONS = [
    operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge,
    operators.is_, operators.is_not, operators.is_distinct_from, operators.is_not_distinct_from,
    operators.in_op, operators.not_in_op, operators.between_op, operators.not_between_op,
]  # fmt: skip
_TEXT = [
    operators.concat_op, operators.collate, operators.like_op, operators.not_like_op, operators.ilike_op,
    operators.not_ilike_op, operators.contains_op, operators.not_contains_op, operators.startswith_op,
    operators.not_startswith_op, operators.endswith_op, operators.not_endswith_op, operators.icontains_op,
    operators.not_icontains_op, operators.istartswith_op, operators.not_istartswith_op, operators.iendswith_op,
    operators.not_iendswith_op, operators.regexp_match_op, operators.not_regexp_match_op,
]  # fmt: skip
_NUMBERS = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod,
    operators.bitwise_and_op, operators.bitwise_or_op, operators.bitwise_xor_op, operators.bitwise_lshift_op,
    operators.bitwise_rshift_op,
]  # fmt: skip
_PARTS = [operator.getitem, operators.json_getitem_op, operators.json_path_getitem_op]
_MARKS = [operators.distinct_op, operators.exists, operators.any_op, operators.all_op]

MEMBERSHIP = frozenset([operators.in_op, operators.not_in_op])
LIST_OPERATORS = frozenset([operators.and_, operators.or_, operators.comma_op])
BINARY_OPERATORS = frozenset(_COMPARISONS + _TEXT + _NUMBERS + _PARTS) | LIST_OPERATORS
UNARY_OPERATORS = frozenset(
    [*_MARKS, operator.inv, operator.neg, operators.bitwise_not_op, operators.is_true, operators.is_false]
)
MODIFIERS = frozenset([operators.asc_op, operators.desc_op, operators.nulls_first_op, operators.nulls_last_op])
STEADY_OPERATORS = (
    frozenset([*_COMPARISONS, *_MARKS, operator.inv, operators.is_true, operators.is_false])
    | LIST_OPERATORS
    | MODIFIERS
)

# On SQLite the field is looked up; on PostgreSQL it is written into the statement as it is.
EXTRACT_FIELDS = frozenset(
    "year quarter month week day dow doy hour minute second epoch milliseconds microseconds".split()
)
EXECUTION_OPTIONS = frozenset(["max_row_buffer", "stream_results", "yield_per"])

# Characters with which a name could close its quotes, or pass for one of the marks that SQLAlchemy replaces
# in the finished statement: %(name)s, __[POSTCOMPILE_name~~…~~], __[SCHEMA_name].
_MARK = re.compile(r'["%\[\]~\\\x00-\x1f\x7f]')
_ANONYMOUS = re.compile(r'(?:[^"%\[\]~\\\x00-\x1f\x7f]|%\(-?\w+ [^"%()\[\]~\\\x00-\x1f\x7f]*\)s)*')


def operator_in(candidate: Any, listed: frozenset[Any]) -> bool:
    """Return whether *candidate* is one of *listed*; an object that only claims to be equal is not."""
    return type(candidate) in (FunctionType, BuiltinFunctionType) and candidate in listed


def is_plain_name(name: Any) -> bool:
    """Return whether *name* stays a name however it is written into a statement."""
    kind = type(name)
    if kind is str:
        return _MARK.search(name) is None
    if kind is _anonymous_label:
        return name.quote is not False and _ANONYMOUS.fullmatch(name) is not None
    return kind in (quoted_name, _truncated_label) and name.quote is not False and _MARK.search(name) is None
