"""Calculations that a plugin wrote, made as harmless as those of rules: whole numbers beyond 64 bits are null."""

from __future__ import annotations

from typing import Any

from sqlalchemy.sql import ColumnElement, operators
from sqlalchemy.sql.elements import BinaryExpression, Grouping, UnaryExpression

from crmkit.core.rules.portable import Checked, Operand, Whole

__all__ = ["within_64_bits"]

_BINARY = (operators.add, operators.sub, operators.mul)


def within_64_bits(expression: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return *expression*, in whole numbers; where it adds, subtracts or multiplies, null if 64 bits do not suffice.

    PostgreSQL would refuse the whole statement for the sake of one row, and SQLite go on with a float.
    """
    return Whole(_result(expression)) if _is_calculation(expression) else expression


def _is_calculation(expression: ColumnElement[Any]) -> bool:
    if isinstance(expression, BinaryExpression):
        return expression.operator in _BINARY
    return isinstance(expression, UnaryExpression) and expression.operator is operators.neg


def _result(expression: Any) -> ColumnElement[Any]:
    if isinstance(expression, UnaryExpression):
        return Checked(-_operand(expression.element))
    return Checked(expression.operator(_operand(expression.left), _operand(expression.right)))


def _operand(expression: Any) -> ColumnElement[Any]:
    if isinstance(expression, Grouping):
        return _operand(expression.element)
    return _result(expression) if _is_calculation(expression) else Operand(expression)
