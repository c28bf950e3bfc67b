"""Rules written in Python: ``(Deal.f.stage == "engaging") & Deal.f.company.city.in_(["Berlin", "上海"])``."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from crmkit.core.fields import Target
from crmkit.core.money import Money
from crmkit.core.rules import ast
from crmkit.core.rules.errors import RuleError
from crmkit.core.rules.rule import Rule
from crmkit.core.text import gettext as _

__all__ = ["Expression", "FieldNamespace", "FieldPath", "days", "hours", "me", "my_team", "now", "today", "when"]


class Expression(Rule):
    """A value inside a rule: a field, or something calculated from fields. Comparing it gives a :class:`Rule`.

    A field that is true or false is a rule by itself.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> Rule:  # type: ignore[override]
        if isinstance(other, Target):
            return self._target(other)
        return self._compare("==", other)

    def __ne__(self, other: object) -> Rule:  # type: ignore[override]
        return ~self._target(other) if isinstance(other, Target) else self._compare("!=", other)

    # Defining __eq__ would otherwise remove it.
    __hash__ = Rule.__hash__

    def __lt__(self, other: object) -> Rule:
        return self._compare("<", other)

    def __le__(self, other: object) -> Rule:
        return self._compare("<=", other)

    def __gt__(self, other: object) -> Rule:
        return self._compare(">", other)

    def __ge__(self, other: object) -> Rule:
        return self._compare(">=", other)

    def __add__(self, other: object) -> Expression:
        return Expression(ast.Binary("+", self._node, literal(other)))

    def __radd__(self, other: object) -> Expression:
        return Expression(ast.Binary("+", literal(other), self._node))

    def __sub__(self, other: object) -> Expression:
        return Expression(ast.Binary("-", self._node, literal(other)))

    def __rsub__(self, other: object) -> Expression:
        return Expression(ast.Binary("-", literal(other), self._node))

    def __mul__(self, other: object) -> Expression:
        return Expression(ast.Binary("*", self._node, literal(other)))

    def __rmul__(self, other: object) -> Expression:
        return Expression(ast.Binary("*", literal(other), self._node))

    def __neg__(self) -> Expression:
        return Expression(ast.minus(self._node))

    def in_(self, values: Collection[object]) -> Rule:
        """Return the rule that the value is one of *values*; ``None`` among them matches an empty field."""
        return self._compare("in", list(values))

    def is_null(self) -> Rule:
        """Return the rule that there is no value."""
        return self._compare("==", None)

    def is_not_null(self) -> Rule:
        """Return the rule that there is a value."""
        return self._compare("!=", None)

    def contains(self, part: object) -> Rule:
        """Return the rule that the text contains *part*, or the multi-choice the slug *part*."""
        return self._call("contains", part)

    def starts_with(self, start: object) -> Rule:
        """Return the rule that the text starts with *start*."""
        return self._call("startsWith", start)

    def ends_with(self, end: object) -> Rule:
        """Return the rule that the text ends with *end*."""
        return self._call("endsWith", end)

    def lower(self) -> Expression:
        """Return the text case-folded, for comparison without case."""
        return self._call("lower")

    def size(self) -> Expression:
        """Return how many characters the text has, or how many slugs the multi-choice."""
        return self._call("size")

    def _compare(self, op: str, other: object) -> Rule:
        return Rule(ast.Binary(op, self._node, literal(other)))

    def _call(self, name: str, *arguments: object) -> Expression:
        return Expression(ast.Method(self._node, name, tuple(map(literal, arguments))))

    def _target(self, target: Target) -> Rule:
        if not isinstance(self._node, ast.Path):
            raise RuleError(_("only a field can be compared with a record."))
        path = FieldPath(self._node.parts)
        return (path["entity"] == target.entity) & (path["id"] == target.id)


class FieldPath(Expression):
    """A field, or a relation on the way to one: ``Deal.f.company.city``.

    A field that is called like a method here is reached with brackets: ``Deal.f.company["size"]``.
    """

    __slots__ = ()

    def __init__(self, parts: tuple[str, ...]) -> None:
        """Name the field by its *parts*."""
        super().__init__(ast.Path(parts))

    def __getattr__(self, name: str) -> FieldPath:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> FieldPath:
        assert isinstance(self._node, ast.Path)
        return FieldPath((*self._node.parts, name))


class FieldNamespace:
    """The fields of one entity, as ``Deal.f``. Which names exist is checked where the rule is used."""

    __slots__ = ("_entity",)

    def __init__(self, entity: str) -> None:
        """Stand for the fields of the entity with this id."""
        self._entity = entity

    def __getattr__(self, name: str) -> FieldPath:
        if name.startswith("_"):
            raise AttributeError(name)
        return FieldPath((name,))

    def __getitem__(self, name: str) -> FieldPath:
        return FieldPath((name,))

    def __repr__(self) -> str:
        return f"<fields of {self._entity}>"


def now() -> Expression:
    """Return the moment of evaluation."""
    return Expression(ast.Call("now", ()))


def today() -> Expression:
    """Return the day of evaluation in the principal's time zone."""
    return Expression(ast.Call("today", ()))


def me() -> Expression:
    """Return the id of the principal's user."""
    return Expression(ast.Call("me", ()))


def my_team() -> Expression:
    """Return the id of the principal's team."""
    return Expression(ast.Call("my_team", ()))


def days(count: int) -> Expression:
    """Return a span of *count* days, to add to or take from a date or a moment."""
    return Expression(ast.Call("days", (literal(count),)))


def hours(count: int) -> Expression:
    """Return a span of *count* hours, to add to or take from a moment."""
    return Expression(ast.Call("hours", (literal(count),)))


def when(test: Rule, then: object, otherwise: object) -> Expression:
    """Return *then* where *test* holds and *otherwise* elsewhere; a rule itself if both are rules."""
    return Expression(ast.Ternary(test.node, literal(then), literal(otherwise)))


def literal(value: Any) -> ast.Node:
    """Return the node that stands for *value*.

    Raises:
        RuleError: rules know no such value, or it is inexact.
    """
    match value:
        case Rule():
            return value.node
        case None | bool() | int() | str():
            return ast.Literal(value)
        case Decimal() if value.is_finite() and abs(value.adjusted()) <= _DIGITS:
            return ast.Literal(value)
        case Money():
            return ast.Literal(value.amount, value.currency)
        case UUID():
            return ast.Literal(str(value))
        case datetime() if value.tzinfo is not None:
            return ast.Call("datetime", (ast.Literal(value.astimezone(UTC).isoformat()),))
        case date() if not isinstance(value, datetime):
            return ast.Call("date", (ast.Literal(value.isoformat()),))
        case timedelta():
            return _span(value)
        case list() | tuple() | set() | frozenset():
            return ast.Items(tuple(map(literal, value)))
    raise RuleError(_("{value} cannot stand in a rule."), accepted=_ACCEPTED, value=_shown(value))


_DIGITS = 40
_ACCEPTED = _("Accepted: None, bool, int, Decimal, str, Money, date, aware datetime, timedelta, UUID, lists of these.")


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else shown[:79] + "…"


def _span(value: timedelta) -> ast.Node:
    whole_hours, rest = divmod(value, timedelta(hours=1))
    if rest:
        raise RuleError(_("{value} is no whole number of hours."), value=str(value))
    if whole_hours % 24:
        return ast.Call("hours", (ast.Literal(whole_hours),))
    return ast.Call("days", (ast.Literal(whole_hours // 24),))
