"""Compiling a checked rule to SQL.

Negation goes down to the comparisons. A comparison that must hold becomes a plain ``=``, ``<`` or ``IN``, which an
index can serve; only one that must not hold asks for null. The result is true exactly where the rule holds; elsewhere
it is false or unknown, as ``WHERE`` wants it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from functools import singledispatchmethod
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from crmkit.core.rules import plan
from crmkit.core.rules.check import CheckedRule
from crmkit.core.rules.memory import NO_MOMENT, NO_VALUES, Memory, Read, native_default
from crmkit.core.rules.moment import Moment
from crmkit.core.rules.parameters import parameter_name
from crmkit.core.rules.portable import ByCodePoint, Ending, EndsWith, Position, Start, StartsWith
from crmkit.core.rules.sql_source import Source
from crmkit.core.rules.sql_values import Scope, SqlValues, literal, many

__all__ = ["Source", "compile_rule", "parameters"]

Truth: TypeAlias = ColumnElement[bool]
_COMPARISONS: Mapping[str, Callable[[Any, Any], Truth]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compile_rule(
    checked: CheckedRule,
    source: Source,
    moment: Moment | None = None,
    *,
    negated: bool = False,
    row_by_row: bool = False,
    open_constants: bool = False,
) -> Truth:
    """Return the SQL condition that *checked* is over *source*; with *negated*, that it does not hold.

    Without a *moment* the SQL serves every moment and wants :func:`parameters` at execution; with *open_constants* it
    serves every rule of the same shape and wants ``checked.constant_values``. What lies behind references is gathered
    once, which an index can serve; with *row_by_row* it is looked up for each row.
    """
    names = {id(each): name for name, each in checked.constants.items()} if open_constants else {}
    conditions = SqlConditions(Scope(source, moment, names), checked.base_currency, row_by_row)
    return conditions.negative(checked.condition) if negated else conditions.positive(checked.condition)


def parameters(checked: CheckedRule, moment: Moment) -> dict[str, Any]:
    """Return the values at *moment* that SQL compiled without one asks for."""
    found = (part for part in plan.walk(checked.condition) if isinstance(part, plan.Now))
    return {parameter_name(part): moment.value(part.name, part.offset) for part in found}


class SqlConditions:
    """Compiles conditions in one scope."""

    def __init__(self, scope: Scope, base_currency: str, row_by_row: bool = False) -> None:
        """Take fields from *scope*."""
        self.scope, self.base_currency, self.row_by_row = scope, base_currency, row_by_row
        self.values = SqlValues(scope, self)

    def positive(self, condition: plan.Condition) -> Truth:
        """Return SQL that is true exactly where *condition* holds."""
        return self._wanted(condition, True)

    def negative(self, condition: plan.Condition) -> Truth:
        """Return SQL that is true exactly where *condition* does not hold."""
        return self._wanted(condition, False)

    def _wanted(self, condition: plan.Condition, wanted: bool) -> Truth:
        match condition:
            case plan.Constant(value=value):
                return sa.true() if value is wanted else sa.false()
            case plan.Opposite():
                return self._wanted(condition.condition, not wanted)
            case plan.Every() | plan.Some():
                join = sa.and_ if isinstance(condition, plan.Every) is wanted else sa.or_
                return join(*(self._wanted(part, wanted) for part in condition.conditions))
            case plan.IfElse():
                return self._if_else(condition, wanted)
        step = self._way(condition)
        if step is not None:
            return self._through(step, condition, wanted)
        return self.atom(condition) if wanted else self._denied(condition)

    def _if_else(self, condition: plan.IfElse, wanted: bool) -> Truth:
        if not any(map(_has_ternary, condition.parts)):
            then, otherwise = self._wanted(condition.then, wanted), self._wanted(condition.otherwise, wanted)
            return sa.or_(
                sa.and_(self.positive(condition.test), then), sa.and_(self.negative(condition.test), otherwise)
            )
        # Written out like that, each ternary within a test would double the statement.
        cases = list[tuple[Truth, Truth]]()
        rest: plan.Condition = condition
        while isinstance(rest, plan.IfElse):
            cases.append((self.positive(rest.test), self._wanted(rest.then, wanted)))
            rest = rest.otherwise
        return sa.case(*cases, else_=self._wanted(rest, wanted))

    # Relations and extensions.

    def _way(self, condition: plan.Condition) -> plan.Step | None:
        """Return the step that every field of *condition* takes first, if one sub-select over there can decide it."""
        fields = list(_fields(condition))
        steps = {field.steps[self.scope.steps] if len(field.steps) > self.scope.steps else None for field in fields}
        if len(steps) != 1 or None in steps or _has_ternary(condition):
            return None
        # What a missing row answers must be known now.
        moves = any(isinstance(part, plan.Now) for part in plan.walk(condition))
        return None if moves and any(field.missing is not None for field in fields) else steps.pop()

    def _through(self, step: plan.Step, condition: plan.Condition, wanted: bool) -> Truth:
        there, here, key = self.scope.follow(step)
        if_missing = _Missing(self.base_currency, there.steps).test(condition)(NO_VALUES, NO_MOMENT)
        inner = SqlConditions(there, self.base_currency, self.row_by_row)._wanted(condition, not if_missing)
        if self.row_by_row:
            found: Truth = sa.exists(sa.select(key).where(key == here, inner).correlate(self.scope.table))
        else:
            found = here.in_(sa.select(key).where(inner).correlate(None))
        return found if wanted is not if_missing else _is_not_true(found)

    # Comparisons.

    def _denied(self, condition: plan.Condition) -> Truth:
        """Return SQL that is true where the comparison *condition* is false or unknown."""
        match condition:
            case plan.IsNull(value=value):
                return self.values.read(value).is_not(None)
            case plan.Compare(op="==", left=plan.Field() as left, right=plan.Const() as right):
                one, other = self.values.sides(left, right)
                return one.is_distinct_from(other)
            case plan.IsTrue(value=value):
                return self.values.read(value).is_not(sa.true())
        return _is_not_true(self.atom(condition))

    @singledispatchmethod
    def atom(self, condition: plan.Condition) -> Truth:
        """Return the plain SQL of a comparison."""
        raise NotImplementedError(condition)

    @atom.register
    def _compare(self, condition: plan.Compare) -> Truth:
        one, other = condition.left, condition.right
        left, right = self.values.sides(one, other)
        constant = isinstance(one, plan.Const | plan.Now) or isinstance(other, plan.Const | plan.Now)
        if one.kind.name == "text" and not (constant and condition.op == "=="):
            left = ByCodePoint(left)
        if condition.op == "==" and not (constant or one.is_derived or other.is_derived):
            return left.is_not_distinct_from(right)
        return _COMPARISONS[condition.op](left, right)

    @atom.register
    def _one_of(self, condition: plan.OneOf) -> Truth:
        value, *items = self.values.sides(condition.value, *condition.items)
        pairs = list(zip(items, condition.items, strict=True))
        plain = not plan.is_shifted(condition.value)
        fixed = [item.value for _sql, item in pairs if plain and isinstance(item, plan.Const)]
        tests = [value == sql for sql, item in pairs if not (plain and isinstance(item, plan.Const))]
        if fixed:
            tests.append(value.in_(many(fixed, condition.value.kind, value.type)))
        if condition.or_null:
            tests.append(value.is_(None))
        return sa.or_(*tests)

    @atom.register
    def _is_null(self, condition: plan.IsNull) -> Truth:
        return self.values.read(condition.value).is_(None)

    @atom.register
    def _is_true(self, condition: plan.IsTrue) -> Truth:
        return self.values.read(condition.value).is_(sa.true())

    @atom.register
    def _has_slug(self, condition: plan.HasSlug) -> Truth:
        kind = condition.value.kind
        return Position(self.values.read(condition.value), literal((condition.slug,), kind)) > 0

    @atom.register
    def _text_test(self, condition: plan.TextTest) -> Truth:
        text, part = self.values.read(condition.value), self.values.read(condition.part)
        constant = condition.part.value if isinstance(condition.part, plan.Const) else None
        if constant == "":
            return text.is_not(None)
        if constant is None:
            text = ByCodePoint(text)
        if condition.name == "contains":
            return Position(text, part) > 0
        if condition.name == "endsWith":
            return EndsWith(text, part) if constant is None else Ending(text, _length(constant)) == part
        if constant is None:
            return StartsWith(text, part)
        if isinstance(condition.value, plan.Field):
            return _in_range(ByCodePoint(text), constant)
        return Start(text, _length(constant)) == part


class _Missing(Memory):
    """Reads every field as it is where the row behind the last of *steps* is missing."""

    def __init__(self, base_currency: str, steps: int) -> None:
        super().__init__(base_currency)
        self.steps = steps

    def _native(self, field: plan.Field) -> Read:
        value = native_default(field) if len(field.steps) == self.steps else None
        return lambda values, moment: value


def _in_range(text: ColumnElement[str], start: str) -> Truth:
    """Return ``start <= text < the next text that does not begin so``, which an index serves."""
    end = _successor(start)
    at_least = text >= sa.literal(start, sa.String())
    return at_least if end is None else sa.and_(at_least, text < sa.literal(end, sa.String()))


def _successor(start: str) -> str | None:
    """Return the smallest text, by code point, above every text that starts with *start*."""
    kept = start.rstrip(chr(0x10FFFF))
    if not kept:
        return None
    # What follows U+D7FF is no character until U+E000.
    last = 0xE000 if kept[-1] == "\ud7ff" else ord(kept[-1]) + 1
    return kept[:-1] + chr(last)


def _length(text: str) -> ColumnElement[int]:
    return sa.literal(len(text), sa.Integer())


def _is_not_true(condition: Truth) -> Truth:
    return condition.is_not(sa.true())


def _fields(condition: plan.Part) -> Iterator[plan.Field]:
    return (part for part in plan.walk(condition) if isinstance(part, plan.Field))


def _has_ternary(part: plan.Part) -> bool:
    return any(isinstance(below, plan.Choose | plan.IfElse) for below in plan.walk(part))
