"""Checking the values of a rule: fields, constants, and what is derived from them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import NoReturn

import attrs

from crmkit.core.rules import ast, kinds, numbers, plan
from crmkit.core.rules.check_paths import Paths
from crmkit.core.rules.errors import Position, RuleError
from crmkit.core.rules.kinds import Kind
from crmkit.core.text import casefold, gettext as _, is_storable

__all__ = ["Values", "expect", "expect_sealed"]

_LONGEST = timedelta(days=100_000)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DATETIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?", re.ASCII)
_MOMENTS = {
    "now": kinds.DATETIME,
    "today": kinds.DATE,
    "me": kinds.identity("core.user"),
    "my_team": kinds.identity("core.team"),
}


class Values:
    """Turns nodes into values of a plan."""

    def __init__(self, paths: Paths, condition: Callable[[ast.Node], plan.Condition]) -> None:
        """Resolve fields with *paths* and the tests of ternaries with *condition*."""
        self.paths, self.condition = paths, condition

    def value(self, node: ast.Node) -> plan.Value:
        """Return the value that *node* is.

        Raises:
            RuleError: it is a condition, or its parts do not fit together.
        """
        match node:
            case ast.Literal():
                return self.literal(node)
            case ast.Path():
                return self.paths.resolve(node)
            case ast.Minus():
                operand = self.number(node.operand, node.at)
                zero = plan.Const(attrs.evolve(operand.kind, is_money=False), 0)
                return plan.Arithmetic(operand.kind, "-", zero, operand)
            case ast.Binary(op="+" | "-" | "*"):
                return self.calculation(node)
            case ast.Method(name="lower" | "size"):
                return self.derived(node)
            case ast.Call():
                return self.call(node)
            case ast.Ternary():
                return self.choice(node)
            case ast.Items():
                raise RuleError(_("a list stands only after in."), node.at)
        raise RuleError(_("a condition is no value."), node.at, _("Join conditions with &&, || and !."))

    def literal(self, node: ast.Literal) -> plan.Const:
        """Return the constant."""
        value = node.value
        if value is None:
            return plan.Const(kinds.NULL, None)
        if isinstance(value, bool):
            return plan.Const(kinds.BOOLEAN, value)
        if isinstance(value, str):
            return plan.Const(kinds.TEXT, _clean(value, node.at))
        if node.currency not in (None, self.paths.base_currency):
            raise RuleError(
                _("money is compared in {base}, got {currency}."),
                node.at,
                base=self.paths.base_currency,
                currency=node.currency,
            )
        if isinstance(value, int) and not numbers.fits(value):
            raise RuleError(_("the number is too large."), node.at, _("Accepted: whole numbers of 64 bits."))
        whole, scale = numbers.raw(value)
        return plan.Const(kinds.number(scale, is_money=node.currency is not None), whole)

    def number(self, node: ast.Node, at: Position | None) -> plan.Value:
        """Return *node* as an operand of a calculation."""
        value = self.value(node)
        if value.kind.name != "number":
            raise RuleError(
                _("cannot calculate with {label}."),
                node.at or at,
                _("Accepted: numbers; dates and moments with days(7)."),
                label=value.kind.label,
            )
        if isinstance(value, plan.Const) and not numbers.fits(value.value):
            raise RuleError(_("the number is too large to calculate with."), node.at)
        return value

    def calculation(self, node: ast.Binary) -> plan.Value:
        """Return a sum, difference or product, or a date that is moved."""
        if node.op != "*" and (span := _span(node.right)) is not None:
            return self.moved(node.left, node.right, -span if node.op == "-" else span)
        if node.op == "+" and (span := _span(node.left)) is not None:
            return self.moved(node.right, node.left, span)
        left, right = self.number(node.left, node.at), self.number(node.right, node.at)
        is_money = left.kind.is_money or right.kind.is_money
        if node.op == "*":
            if left.kind.is_money and right.kind.is_money:
                raise RuleError(_("money cannot be multiplied by money."), node.at, _("Multiply it by a number."))
            scale = left.kind.scale + right.kind.scale
            if scale > max(numbers.MAX_SCALE, left.kind.scale, right.kind.scale):
                raise RuleError(
                    _("the product has {scale} digits after the point."),
                    node.at,
                    _("Accepted: {limit}."),
                    scale=scale,
                    limit=numbers.MAX_SCALE,
                )
        else:
            scale = max(left.kind.scale, right.kind.scale)
            left, right = self.aligned(left, scale, node.at), self.aligned(right, scale, node.at)
        return plan.Arithmetic(kinds.number(scale, is_money=is_money), node.op, left, right)

    def aligned(self, value: plan.Value, scale: int, at: Position | None) -> plan.Value:
        """Return the number *value* with *scale* digits after the point, which is at least what it has."""
        factor = 10 ** (scale - value.kind.scale)
        if factor == 1:
            return value
        kind = attrs.evolve(value.kind, scale=scale)
        if not isinstance(value, plan.Const) and numbers.fits(factor):
            return plan.Scaled(kind, value, factor)
        if isinstance(value, plan.Const) and numbers.fits(value.value * factor):
            return plan.Const(kind, value.value * factor)
        raise RuleError(_("these numbers are too far apart to be calculated exactly."), at)

    def moved(self, node: ast.Node, span: ast.Node, offset: timedelta) -> plan.Value:
        """Return the date or moment *node*, moved by *offset*, which *span* spells."""
        value = self.value(node)
        assert isinstance(span, ast.Call)
        if value.kind.name not in ("date", "datetime") or (value.kind.name == "date" and span.name == "hours"):
            accepted = _("days() moves dates and moments; hours() moves moments.")
            raise RuleError(
                _("{label} cannot be moved by {name}()."), span.at, accepted, label=value.kind.label, name=span.name
            )
        return _moved(value, offset, span.at)

    def derived(self, node: ast.Method) -> plan.Value:
        """Return a folded text or a size."""
        value = self.value(node.target)
        expect(node.name, value.kind, node.at)
        constant = value.value if isinstance(value, plan.Const) else None
        if node.name == "lower":
            return plan.Const(kinds.TEXT, casefold(constant)) if constant is not None else plan.Fold(kinds.TEXT, value)
        size = kinds.number()
        return plan.Const(size, len(constant)) if constant is not None else plan.Size(size, value)

    def call(self, node: ast.Call) -> plan.Value:
        """Return what a function gives."""
        if node.name in _MOMENTS:
            return plan.Now(_MOMENTS[node.name], node.name)
        if _span(node) is not None:
            raise RuleError(_("{name}() is added to or taken from a date or moment."), node.at, name=node.name)
        if node.name == "overdue":
            raise RuleError(_("{name}() is a condition, not a value."), node.at, name=node.name)
        text = node.arguments[0].value if isinstance(node.arguments[0], ast.Literal) else None
        if not isinstance(text, str):
            raise RuleError(_("{name}() takes a text in quotes."), node.arguments[0].at or node.at, name=node.name)
        at = node.arguments[0].at or node.at
        return plan.Const(_MOMENTS["today"], _date(text, at)) if node.name == "date" else _datetime(text, at)

    def choice(self, node: ast.Ternary) -> plan.Value:
        """Return one of two values of one kind."""
        test, then, otherwise = self.condition(node.test), self.value(node.then), self.value(node.otherwise)
        kind = _join(then.kind, otherwise.kind)
        if kind is None or kind.name == "sealed":
            raise RuleError(
                _("{then} and {otherwise} are not of one kind."),
                node.at,
                _("Accepted: the same kind on both sides of :."),
                then=then.kind.label,
                otherwise=otherwise.kind.label,
            )
        if kind.name == "number":
            then, otherwise = self._of_scale(then, kind, node.at), self._of_scale(otherwise, kind, node.at)
        return plan.Choose(kind, test, then, otherwise)

    def _of_scale(self, value: plan.Value, kind: Kind, at: Position | None) -> plan.Value:
        return value if value.kind.name == "null" else self.aligned(value, kind.scale, at)


def expect(op: str, kind: Kind, at: Position | None) -> None:
    """Refuse *op* on values of *kind* that do not know it."""
    if op in kind.operators:
        return
    known = sorted(kind.operators, key=_ORDER.index)
    accepted = _("Accepted: {known}.") if known else _("It cannot be compared at all.")
    raise RuleError(_("{op} does not go with {label}."), at, accepted, op=op, label=kind.label, known=", ".join(known))


def expect_sealed(op: str, value: plan.Value, at: Position | None) -> None:
    """Refuse *op* as :func:`expect` does, and of an encrypted value all but a field with a blind index."""
    kind = value.kind
    if kind.name == "sealed" and not (kind.operators and isinstance(value, plan.Field)):
        accepted = _("Accepted: == null, != null; with a blind index also ==, != and in.")
        raise RuleError(_("{op} does not go with {label}."), at, accepted, op=op, label=kind.label)
    expect(op, kind, at)


_ORDER = ["==", "!=", "in", "<", "<=", ">", ">=", "contains", "startsWith", "endsWith", "lower", "size"]


def _clean(text: str, at: Position | None) -> str:
    if not is_storable(text):
        raise RuleError(_("text cannot contain NUL or half a character."), at)
    return text


def _span(node: ast.Node) -> timedelta | None:
    """Return the time that ``days(n)`` or ``hours(n)`` spells; ``None`` of anything else."""
    if not isinstance(node, ast.Call) or node.name not in ("days", "hours"):
        return None
    count = node.arguments[0].value if isinstance(node.arguments[0], ast.Literal) else None
    at = node.arguments[0].at or node.at
    if not isinstance(count, int) or isinstance(count, bool):
        raise RuleError(_("{name}() takes a whole number."), at, name=node.name)
    if abs(count) > _LONGEST // timedelta(**{node.name: 1}):
        _too_far(at)
    return timedelta(**{node.name: count})


def _too_far(at: Position | None) -> NoReturn:
    raise RuleError(_("this goes too far."), at, _("Accepted: {limit} days."), limit=_LONGEST.days)


def _moved(value: plan.Value, offset: timedelta, at: Position | None) -> plan.Value:
    # Offsets are gathered where the date stands, so that their sum has one limit.
    if isinstance(value, plan.Choose):
        then, otherwise = _moved(value.then, offset, at), _moved(value.otherwise, offset, at)
        return attrs.evolve(value, then=then, otherwise=otherwise)
    if value.kind.name == "null":
        return value
    if isinstance(value, plan.Const):
        try:
            return plan.Const(value.kind, value.value + offset)
        except OverflowError:
            raise RuleError(_("this lies outside the years 1 to 9999."), at) from None
    total = offset + (value.offset if isinstance(value, plan.Now | plan.Shift) else timedelta())
    if abs(total) > _LONGEST:
        _too_far(at)
    if isinstance(value, plan.Now | plan.Shift):
        return attrs.evolve(value, offset=total)
    return plan.Shift(value.kind, value, total)


def _date(text: str, at: Position | None) -> date:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise RuleError(_("{text!r} is no date."), at, _('Accepted: date("2026-01-31").'), text=text[:40])


def _datetime(text: str, at: Position | None) -> plan.Const:
    accepted = _('Accepted: datetime("2026-01-31T09:00:00+00:00").')
    try:
        if found := _DATETIME.fullmatch(text):
            if found[1] is None:
                raise RuleError(_("{text!r} has no time zone."), at, accepted, text=text[:40])
            return plan.Const(kinds.DATETIME, datetime.fromisoformat(text).astimezone(UTC))
    except (ValueError, OverflowError):
        pass
    raise RuleError(_("{text!r} is no moment."), at, accepted, text=text[:40])


def _join(left: Kind, right: Kind) -> Kind | None:
    """Return the kind of a value that is of *left* or of *right*."""
    if "null" in (left.name, right.name):
        return None if left.name == right.name else (right if left.name == "null" else left)
    if not left.fits(right):
        return None
    slugs = (*left.slugs, *right.slugs) if left.slugs and right.slugs else None
    operators = left.operators & right.operators
    entity = left.entity if left.entity == right.entity else None
    return Kind(left.name, operators, max(left.scale, right.scale), left.is_money or right.is_money, slugs, entity)
