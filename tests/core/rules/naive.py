"""What a rule means, said a second time: slow, straight from the tree, with nothing of the checker or the compilers.

``None`` is null. ``FAULT`` is what could not be derived: it makes every comparison false.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from crmkit.core import fields
from crmkit.core.fields import Target
from crmkit.core.money import Money
from crmkit.core.rules import ast
from crmkit.core.rules.memory import Row
from crmkit.core.rules.moment import Moment
from crmkit.core.rules.rule import Rule
from tests.core.rules.world import BASE, ENTITIES, EXTENSIONS

FAULT = object()
MISSING = object()


class Number:
    """An exact number and the digits after the point with which it is kept."""

    def __init__(self, raw: int, scale: int) -> None:
        self.raw, self.scale = raw, scale


def holds(node: ast.Node, row: Row, moment: Moment) -> bool:
    return _Naive(row, moment).holds(node)


class _Naive:
    def __init__(self, row: Row, moment: Moment) -> None:
        self.row, self.moment = row, moment

    def holds(self, node: ast.Node) -> bool:  # noqa: C901 (one case for each kind of node)
        match node:
            case ast.Literal(value=value):
                return value is True
            case ast.Path():
                return self.value(node) is True
            case ast.Not(operand=operand):
                return not self.holds(operand)
            case ast.Logic(op="&&", operands=operands):
                return all(self.holds(o) for o in operands)
            case ast.Logic(operands=operands):
                return any(self.holds(o) for o in operands)
            case ast.Ternary(test=test, then=then, otherwise=otherwise):
                return self.holds(then) if self.holds(test) else self.holds(otherwise)
            case ast.Binary(op="!=", left=left, right=right):
                return not self.compare("==", left, right)
            case ast.Binary(op="in", left=left, right=ast.Items(items=items)):
                return any(self.compare("==", left, item) for item in items)
            case ast.Binary(op=op, left=left, right=right):
                return self.compare(op, left, right)
            case ast.Call(name="overdue"):
                return self.holds(Rule.parse("closed_at < now() - hours(36)").node)
            case ast.Method(name=name, target=target, arguments=(argument,)):
                whole, part = self.value(target), self.value(argument)
                if whole in (None, FAULT) or part in (None, FAULT):
                    return False
                if name == "contains":
                    return part in whole
                return whole[: len(part)] == part if name == "startsWith" else whole[len(whole) - len(part) :] == part
        raise AssertionError(node)

    def compare(self, op: str, left: ast.Node, right: ast.Node) -> bool:
        if isinstance(left, ast.Items):
            left, right = right, left
        if isinstance(right, ast.Items):
            found = self.value(left)
            return found is not None and sorted({self.value(item) for item in right.items}) == list(found)
        one, other = self.value(left), self.value(right)
        derived = self.derived(left) or self.derived(right)
        if one is FAULT or other is FAULT or (derived and (one is None or other is None)):
            return False
        if one is None or other is None:
            return op == "==" and one is other
        if isinstance(one, Number):
            scale = max(one.scale, other.scale)
            one, other = (n.raw * 10 ** (scale - n.scale) for n in (one, other))
        if isinstance(one, UUID) or isinstance(other, UUID):
            one, other = str(one), str(other)
        if isinstance(one, Target):
            one, other = one.id, other.id
        if isinstance(one, date):
            one, other = ticks(one), ticks(other)
        return {"==": one == other, "<": op == "<" and one < other, "<=": op == "<=" and one <= other,
                ">": op == ">" and one > other, ">=": op == ">=" and one >= other}[op]  # fmt: skip

    def derived(self, node: ast.Node) -> bool:
        match node:
            case ast.Binary() | ast.Minus() | ast.Method():
                return not (isinstance(node, ast.Method) and isinstance(node.target, ast.Literal))
            case ast.Call(name=name):
                return name in ("now", "today", "me", "my_team")
            case ast.Ternary(then=then, otherwise=otherwise):
                return self.derived(then) or self.derived(otherwise)
        return False

    def value(self, node: ast.Node) -> Any:  # noqa: C901
        match node:
            case ast.Literal(value=bool() | None | str() as value):
                return value
            case ast.Literal(value=value):
                sign, digits, exponent = Decimal(value).normalize().as_tuple()
                whole = int("".join(map(str, digits))) * (-1 if sign else 1)
                return Number(whole * 10 ** max(exponent, 0), max(-exponent, 0))
            case ast.Path(parts=parts):
                return self.path(parts)
            case ast.Minus(operand=operand):
                found = self.value(operand)
                return (
                    FAULT if found in (None, FAULT) or within(found.raw) is FAULT else number(-found.raw, found.scale)
                )
            case ast.Binary(op=op, left=left, right=right):
                return self.calculated(op, left, right)
            case ast.Method(name=name, target=target):
                found = self.value(target)
                if found in (None, FAULT):
                    return FAULT
                return found.casefold() if name == "lower" else Number(len(found), 0)
            case ast.Ternary(test=test, then=then, otherwise=otherwise):
                found = self.value(then if self.holds(test) else otherwise)
                if isinstance(found, Number):
                    scale = max(scale_of(then), scale_of(otherwise))
                    return Number(found.raw * 10 ** (scale - found.scale), scale)
                return found
            case ast.Call(name="date", arguments=(argument,)):
                return date.fromisoformat(argument.value)
            case ast.Call(name="datetime", arguments=(argument,)):
                return datetime.fromisoformat(argument.value)
            case ast.Call(name=name):
                found = getattr(self.moment, name)
                return FAULT if found is None else found
        raise AssertionError(node)

    def calculated(self, op: str, left: ast.Node, right: ast.Node) -> Any:
        if isinstance(right, ast.Call) and right.name in ("days", "hours"):
            found = self.value(left)
            span = timedelta(**{right.name: right.arguments[0].value})
            return FAULT if found in (None, FAULT) else Moved(found, -span if op == "-" else span)
        one, other = self.value(left), self.value(right)
        if None in (one, other) or FAULT in (one, other) or FAULT in (within(one.raw), within(other.raw)):
            return FAULT
        if op == "*":
            return number(one.raw * other.raw, one.scale + other.scale)
        scale = max(one.scale, other.scale)
        raised = [within(n.raw * 10 ** (scale - n.scale)) for n in (one, other)]
        if FAULT in raised:
            return FAULT
        return number(raised[0] + raised[1] if op == "+" else raised[0] - raised[1], scale)

    def path(self, parts: tuple[str, ...]) -> Any:
        info, row = ENTITIES["shop.deal"], self.row
        for index, part in enumerate(parts[:-1]):
            if row is None:
                return None
            if (info.id, part) in EXTENSIONS:
                info, row = EXTENSIONS[info.id, part], row.extension(part)
                if row is None and index == len(parts) - 2:
                    return self.stored(info, parts[-1], info.fields[parts[-1]].default(), None)
            elif isinstance(info.fields.get(part) and info.fields[part].type, fields.AnyReference):
                return getattr(row[part], parts[-1], None)
            else:
                info = ENTITIES[info.fields[f"{part}_id"].type.entity]
                row = row.related(part)
        return None if row is None else self.stored(info, parts[-1], row[parts[-1]], row)

    def stored(self, info: Any, name: str, value: Any, row: Row | None) -> Any:
        if value is None:
            return None
        if isinstance(value, Money):
            return Number(value.minor if value.currency == BASE else row[f"{name}_base"], 2)
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            return value
        scale = field_scale(info.fields[name].type) if name in info.fields else 0
        return Number(int(Decimal(value).scaleb(scale)), scale)


class Moved(date):
    """A date or moment that was moved, perhaps beyond the calendar."""

    def __new__(cls, found: date, span: timedelta) -> Moved:
        made = super().__new__(cls, 1, 1, 1)
        made.found, made.span = found, span
        return made


def ticks(found: date) -> int:
    """Return days for dates, microseconds for moments."""
    if isinstance(found, Moved):
        inner = found.found
        unit = timedelta(microseconds=1) if is_moment(inner) else timedelta(days=1)
        return ticks(inner) + found.span // unit
    if is_moment(found):
        since = found - datetime.fromisoformat("2000-01-01T00:00:00+00:00")
        return (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds
    return found.toordinal()


def is_moment(found: date) -> bool:
    return isinstance(found, datetime) or (isinstance(found, Moved) and is_moment(found.found))


def within(raw: int) -> Any:
    return raw if -(2**63) <= raw < 2**63 else FAULT


def number(raw: int, scale: int) -> Any:
    return FAULT if within(raw) is FAULT else Number(raw, scale)


def field_scale(kind: Any) -> int:
    return 2 if isinstance(kind, fields.MoneyType) else getattr(kind, "scale", 0)


def scale_of(node: ast.Node) -> int:
    """Return how many digits after the point numbers of *node* have, whatever the row."""
    match node:
        case ast.Literal(value=bool() | str() | None):
            return 0
        case ast.Literal(value=value):
            return max(-Decimal(value).normalize().as_tuple().exponent, 0)
        case ast.Path(parts=parts):
            return _path_scale(parts)
        case ast.Minus(operand=operand):
            return scale_of(operand)
        case ast.Binary(op="*", left=left, right=right):
            return scale_of(left) + scale_of(right)
        case ast.Binary(left=left, right=right):
            return max(scale_of(left), scale_of(right))
        case ast.Ternary(then=then, otherwise=otherwise):
            return max(scale_of(then), scale_of(otherwise))
    return 0


def _path_scale(parts: tuple[str, ...]) -> int:
    info = ENTITIES["shop.deal"]
    if parts[0] == "regarding":
        return 0
    for part in parts[:-1]:
        info = EXTENSIONS.get((info.id, part)) or ENTITIES[info.fields[f"{part}_id"].type.entity]
    return field_scale(info.fields[parts[-1]].type) if parts[-1] in info.fields else 0
