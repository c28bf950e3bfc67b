"""The values of a rule as SQL expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import singledispatchmethod
from typing import Any, TypeAlias

import attrs
import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement
from sqlalchemy.types import TypeEngine

from crmkit.core.fields import Column
from crmkit.core.rules import plan
from crmkit.core.rules.kinds import Kind
from crmkit.core.rules.moment import Moment
from crmkit.core.rules.parameters import kept, parameter_name
from crmkit.core.rules.portable import Checked, DayLine, MomentLine, Operand, SlugCount, Unbounded, Whole
from crmkit.core.rules.sql_source import Source
from crmkit.core.storage import columns
from crmkit.core.storage.custom import column_in

__all__ = ["Scope", "SqlValues", "literal", "many"]

Expression: TypeAlias = ColumnElement[Any]
_ID = Column("", "uuid")
_MICROSECOND = timedelta(microseconds=1)
_TYPES: dict[str, TypeEngine[Any]] = {
    "text": sa.String(),
    "slugs": sa.String(),
    "number": sa.BigInteger(),
    "boolean": sa.Boolean(),
    "date": columns.Day(),
    "datetime": columns.Moment(),
    "id": columns.Id(),
    "target": columns.Id(),
}


@attrs.frozen(eq=False)
class Scope:
    """A source and how many steps of each field led to it.

    Without a moment its functions become named parameters, and so do the *constants*, named by their ``id()``.
    """

    source: Source
    moment: Moment | None
    constants: Mapping[int, str] = attrs.field(factory=dict)
    steps: int = 0

    @property
    def table(self) -> sa.FromClause:
        """The table, alias or relation that the source's columns belong to."""
        found: sa.FromClause = next(iter(self.source.columns)).table
        return found

    def follow(self, step: plan.Step) -> tuple[Scope, Expression, Expression]:
        """Return the scope behind *step*, and the key on this side and on that side."""
        if isinstance(step, plan.Relation):
            there = self.source.related(step.entity)
            here, key = column_in(self.source.columns, step.field, _ID), there.columns["id"]
        else:
            there = self.source.extension(step.plugin)
            here, key = self.source.columns["id"], there.columns["record_id"]
        return attrs.evolve(self, source=there, steps=self.steps + 1), here, key


class SqlValues:
    """Compiles values in one scope."""

    def __init__(self, scope: Scope, conditions: Any) -> None:
        """Take fields from *scope* and the tests of ternaries from *conditions*."""
        self.scope, self.conditions = scope, conditions

    def sides(self, *values: plan.Value) -> list[Expression]:
        """Return values that are compared with each other, all on one measure."""
        if any(map(plan.is_shifted, values)):
            return [self.on_timeline(value) for value in values]
        first = self.read(values[0])
        # Only the column of a blind index knows how what it is compared with becomes a token.
        as_kept = first.type if values[0].kind.name == "sealed" else None
        return [first, *(self.read(value) if as_kept is None else self._token(value, as_kept) for value in values[1:])]

    def _token(self, value: plan.Value, kept_as: TypeEngine[Any]) -> Expression:
        assert isinstance(value, plan.Const)
        if (name := self.scope.constants.get(id(value))) is not None:
            return sa.bindparam(name, type_=kept_as, required=True)
        return sa.literal(value.value, kept_as)

    @singledispatchmethod
    def read(self, value: plan.Value) -> Expression:
        """Return the expression of *value*."""
        raise NotImplementedError(value)

    @read.register
    def _const(self, value: plan.Const) -> Expression:
        if (name := self.scope.constants.get(id(value))) is not None:
            return sa.bindparam(name, type_=_TYPES[value.kind.name], required=True)
        return sa.null() if value.value is None else literal(value.value, value.kind)

    @read.register
    def _now(self, value: plan.Now) -> Expression:
        if self.scope.moment is not None:
            return literal(self.scope.moment.value(value.name, value.offset), value.kind)
        return sa.bindparam(parameter_name(value), type_=_TYPES[value.kind.name], required=True)

    @read.register
    def _field(self, value: plan.Field) -> Expression:
        if len(value.steps) == self.scope.steps:
            source = self.scope.source
            slot = value.type.columns()[-1]
            found = source.computed(value.name) if value.is_computed else column_in(source.columns, value.column, slot)
            return sa.type_coerce(found, _TYPES["number"]) if value.kind.name == "number" else found
        step = value.steps[self.scope.steps]
        there, here, key = self.scope.follow(step)
        row = sa.select(SqlValues(there, None).read(value)).select_from(key.table).where(key == here)
        found = row.correlate(self.scope.table).scalar_subquery()
        if value.missing is None or len(value.steps) > there.steps:
            return found
        exists = sa.exists(sa.select(key).where(key == here).correlate(self.scope.table))
        return sa.case((exists, found), else_=literal(value.missing, value.kind))

    @read.register
    def _choose(self, value: plan.Choose) -> Expression:
        return self._case(value, self.read)

    def _case(self, value: plan.Value, read: Callable[[plan.Value], Expression]) -> Expression:
        cases = []
        while isinstance(value, plan.Choose):
            cases.append((self.conditions.positive(value.test), read(value.then)))
            value = value.otherwise
        return sa.case(*cases, else_=read(value))

    @read.register
    def _scaled(self, value: plan.Scaled) -> Expression:
        # Where this leaves 64 bits, SQLite makes a float of it: too coarse to calculate with, exact enough to compare
        # with what stays within.
        return Unbounded(self.read(value.value), sa.literal(value.factor, sa.BigInteger()))

    @read.register
    def _arithmetic(self, value: plan.Arithmetic) -> Expression:
        return Whole(self._result(value))

    def _result(self, value: plan.Arithmetic) -> Expression:
        left, right = self._operand(value.left), self._operand(value.right)
        match value.op:
            case "+":
                return Checked(left + right)
            case "-":
                return Checked(left - right)
        return Checked(left * right)

    def _operand(self, value: plan.Value) -> Expression:
        if isinstance(value, plan.Arithmetic):
            return self._result(value)
        if isinstance(value, plan.Scaled):
            factor = sa.literal(value.factor, sa.BigInteger())
            return Checked(self._operand(value.value) * Operand(factor))
        found = Operand(self.read(value))
        return Checked(found) if isinstance(value, plan.Choose) else found

    @read.register
    def _fold(self, value: plan.Fold) -> Expression:
        return sa.func.crm_fold(self.read(value.value), type_=sa.String())

    @read.register
    def _size(self, value: plan.Size) -> Expression:
        found = self.read(value.value)
        return SlugCount(found) if value.value.kind.name == "slugs" else sa.func.length(found, type_=sa.BigInteger())

    def on_timeline(self, value: plan.Value) -> Expression:
        """Return a date or moment in the form in which it can be moved."""
        if isinstance(value, plan.Choose):
            return self._case(value, self.on_timeline)
        value, offset = plan.unshifted(value)
        found = self.read(value)
        if value.kind.name == "date":
            return DayLine(found, sa.literal(offset.days, sa.Integer()))
        microseconds = offset // _MICROSECOND
        number = sa.literal(microseconds, sa.BigInteger())
        # In seconds: an interval of days would follow the summer time of the session.
        return MomentLine(found, number, sa.literal(f"{microseconds // 1_000_000} seconds", sa.String()))


def literal(value: Any, kind: Kind) -> Expression:
    """Return *value* of a plan as a bound value, in the form in which its column keeps it."""
    return sa.literal(kept(value, kind), _TYPES[kind.name])


def many(values: list[Any], kind: Kind, kept_as: TypeEngine[Any]) -> Expression:
    """Return *values* as one bound list for ``IN``; encrypted ones as the column *kept_as* has them."""
    found = [kept(value, kind) for value in values]
    type_ = kept_as if kind.name == "sealed" else _TYPES[kind.name]
    return sa.bindparam(None, found, type_=type_, expanding=True, unique=True)
