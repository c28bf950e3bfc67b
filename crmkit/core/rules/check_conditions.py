"""Checking the conditions of a rule: comparisons, text tests, and how they are joined."""

from __future__ import annotations

from uuid import UUID

import attrs

from crmkit.core.rules import ast, kinds, numbers, plan
from crmkit.core.rules.check_paths import Paths
from crmkit.core.rules.check_values import Values, expect, expect_sealed
from crmkit.core.rules.errors import Position, RuleError
from crmkit.core.rules.functions import closest
from crmkit.core.rules.kinds import Kind
from crmkit.core.text import Text, gettext as _

__all__ = ["Conditions", "opposite"]

_MOST_LISTED = 10_000
_FLIPPED = {"==": "==", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


class Conditions:
    """Turns nodes into conditions of a plan."""

    def __init__(self, paths: Paths) -> None:
        """Resolve fields with *paths*."""
        self.values, self._namespace = Values(paths, self.condition), paths.namespace
        self.listed = 0

    def condition(self, node: ast.Node) -> plan.Condition:
        """Return the condition that *node* is.

        Raises:
            RuleError: it is a value that is neither true nor false, or its parts do not fit together.
        """
        match node:
            case ast.Literal(value=bool() as value):
                return plan.Constant(value)
            case ast.Not():
                return opposite(self.condition(node.operand))
            case ast.Logic():
                return _joined(node.op, [self.condition(operand) for operand in node.operands])
            case ast.Ternary():
                return self.either(node)
            case ast.Binary(op="in"):
                return self.one_of(node)
            case ast.Binary(op="==" | "!=" | "<" | "<=" | ">" | ">="):
                return self.comparison(node)
            case ast.Call(name="overdue"):
                return self.overdue(node)
            case ast.Method(name="contains" | "startsWith" | "endsWith"):
                return self.text_test(node)
        return self.truth(node)

    def overdue(self, node: ast.Call) -> plan.Condition:
        """Return the condition that a record stands in its stage for longer than the stage expects."""
        rule = self._namespace.overdue()
        if rule is None:
            raise RuleError(_("records of {entity} stand in no pipeline."), node.at, entity=self._namespace.entity.id)
        return self.condition(rule.node)

    def truth(self, node: ast.Node) -> plan.Condition:
        """Return the condition that the value *node* is true."""
        value = self.values.value(node)
        if value.kind.name != "boolean":
            accepted = _("Compare it, for example with == or !=.")
            raise RuleError(_("{label} is no condition."), node.at, accepted, label=value.kind.label)
        return plan.IsTrue(value)

    def either(self, node: ast.Ternary) -> plan.Condition:
        """Return one of two conditions."""
        test, then, otherwise = map(self.condition, node.children)
        if isinstance(test, plan.Constant):
            return then if test.value else otherwise
        return plan.IfElse(test, then, otherwise)

    def comparison(self, node: ast.Binary) -> plan.Condition:
        """Return ``==``, ``!=`` or an order between two values."""
        op = "==" if node.op == "!=" else node.op
        if isinstance(node.right, ast.Items) or isinstance(node.left, ast.Items):
            found = self.same_slugs(node)
        else:
            left, right = self.values.value(node.left), self.values.value(node.right)
            if "null" in (left.kind.name, right.kind.name):
                found = _null_test(node, left, right)
            elif "sealed" in (left.kind.name, right.kind.name):
                found = self.sealed(node, left, right)
            else:
                found = self.compared(op, left, right, node)
        return opposite(found) if node.op == "!=" else found

    def compared(self, op: str, left: plan.Value, right: plan.Value, node: ast.Binary) -> plan.Condition:
        """Return the comparison of two values that are not the constant null."""
        left, right = _converted(left, right.kind, node.left), _converted(right, left.kind, node.right)
        _expect_same(left, right, node)
        for value in (left, right):
            expect(node.op, value.kind, node.at)
        if left.kind.name == "number":
            return self.numbers(op, left, right, node.at)
        if isinstance(left, plan.Const) and isinstance(right, plan.Const):
            return plan.Constant(_holds(op, left.value, right.value))
        return plan.Compare(op, left, right)

    def sealed(self, node: ast.Binary, left: plan.Value, right: plan.Value) -> plan.Condition:
        """Return whether an encrypted field has the value of a constant: its blind index knows nothing else."""
        field, other, source = (right, left, node.left) if right.kind.name == "sealed" else (left, right, node.right)
        expect_sealed(node.op, field, node.at)
        found = self._sealed_constant(field, other, node, source)
        return plan.Constant(False) if found is None else plan.Compare("==", field, found)

    def _sealed_constant(
        self, field: plan.Value, other: plan.Value, node: ast.Binary, source: ast.Node
    ) -> plan.Const | None:
        """Return the constant *other* as *field* may hold it; ``None`` if no value of the field is equal to it."""
        plain = field.kind.plain
        assert plain is not None
        other = _converted(other, plain, source)
        if not isinstance(other, plan.Const):
            raise RuleError(
                _("an encrypted value is compared with constants only."), source.at or node.at, plain.example
            )
        _expect_same(plan.Const(plain, None), other, attrs.evolve(node, right=source))
        if plain.name != "number":
            return plan.Const(field.kind, other.value)
        found = numbers.bound("==", other.value, other.kind.scale, plain.scale)
        return None if found is None else plan.Const(field.kind, found[1])

    def numbers(self, op: str, left: plan.Value, right: plan.Value, at: Position | None) -> plan.Condition:
        """Return the comparison of two numbers at one scale; a constant is moved to the scale of the other."""
        if isinstance(left, plan.Const):
            left, right, op = right, left, _FLIPPED[op]
        if not isinstance(right, plan.Const):
            scale = max(left.kind.scale, right.kind.scale)
            return plan.Compare(op, self.values.aligned(left, scale, at), self.values.aligned(right, scale, at))
        if isinstance(left, plan.Const):
            scale = max(left.kind.scale, right.kind.scale)
            both = (side.value * 10 ** (scale - side.kind.scale) for side in (left, right))
            return plan.Constant(_holds(op, *both))
        found = numbers.bound(op, right.value, right.kind.scale, left.kind.scale)
        if found is None:
            return plan.Constant(False)
        return plan.Compare(found[0], left, plan.Const(left.kind, found[1]))

    def one_of(self, node: ast.Binary) -> plan.Condition:
        """Return ``value in [constants]``."""
        if not isinstance(node.right, ast.Items):
            raise RuleError(_("in needs a list."), node.right.at or node.at, _('Accepted: in ["a", "b"].'))
        value = self.values.value(node.left)
        expect_sealed("in", value, node.at)
        self.listed += len(node.right.items)
        if self.listed > _MOST_LISTED:
            # Databases accept only so many bound values in one statement.
            raise RuleError(
                _("its lists are too long."), node.right.at, _("Accepted: {limit} values."), limit=_MOST_LISTED
            )
        items = list(map(self.values.value, node.right.items))
        found: list[plan.Value] = []
        for item, source in zip(items, node.right.items, strict=True):
            if not isinstance(item, plan.Const | plan.Now):
                raise RuleError(_("a list holds constants only."), source.at or node.at, _("Write == and ||."))
            if item.kind.name != "null":
                found += self._item(value, item, node, source)
        or_null = len(items) > sum(item.kind.name != "null" for item in items) and not value.is_derived
        if isinstance(value, plan.Const) and all(isinstance(item, plan.Const) for item in found):
            matches = any(_value_of(item) == value.value for item in found)
            return plan.Constant(matches or (or_null and value.value is None))
        if not found:
            return plan.IsNull(value) if or_null else plan.Constant(False)
        return plan.OneOf(value, tuple(found), or_null)

    def _item(self, value: plan.Value, item: plan.Value, node: ast.Binary, source: ast.Node) -> list[plan.Value]:
        """Return *item* as *value* can equal it; nothing if it cannot."""
        if value.kind.name == "sealed":
            constant = self._sealed_constant(value, item, node, source)
            return [] if constant is None else [constant]
        item = _converted(item, value.kind, source)
        _expect_same(value, item, attrs.evolve(node, right=source))
        if not isinstance(item, plan.Const) or value.kind.name != "number":
            return [item]
        found = numbers.bound("==", item.value, item.kind.scale, value.kind.scale)
        return [] if found is None else [plan.Const(value.kind, found[1])]

    def same_slugs(self, node: ast.Binary) -> plan.Condition:
        """Return whether a multi-choice has exactly the slugs of a list."""
        field, items = (node.left, node.right) if isinstance(node.right, ast.Items) else (node.right, node.left)
        if node.op not in ("==", "!=") or not isinstance(items, ast.Items) or isinstance(field, ast.Items):
            raise RuleError(_("a list stands only after in."), items.at or node.at)
        value = self.values.value(field)
        if value.kind.name != "slugs":
            raise RuleError(
                _("{label} cannot equal a list."), items.at or node.at, _("Write in."), label=value.kind.label
            )
        slugs = tuple(sorted({_slug(item, value.kind) for item in items.items}))
        return plan.Compare("==", value, plan.Const(value.kind, slugs))

    def text_test(self, node: ast.Method) -> plan.Condition:
        """Return ``contains``, ``startsWith`` or ``endsWith``; of a multi-choice, whether it has a slug."""
        value = self.values.value(node.target)
        expect(node.name, value.kind, node.at)
        if value.kind.name == "slugs":
            return plan.HasSlug(value, _slug(node.arguments[0], value.kind))
        part = self.values.value(node.arguments[0])
        if part.kind.name != "text":
            at = node.arguments[0].at or node.at
            raise RuleError(_("{name}() takes text, got {label}."), at, name=node.name, label=part.kind.label)
        return plan.TextTest(node.name, value, part)


def opposite(condition: plan.Condition) -> plan.Condition:
    """Return the condition that holds exactly where *condition* does not."""
    if isinstance(condition, plan.Constant):
        return plan.Constant(not condition.value)
    return condition.condition if isinstance(condition, plan.Opposite) else plan.Opposite(condition)


def _joined(op: str, conditions: list[plan.Condition]) -> plan.Condition:
    """Return all or any of *conditions*, without those that are always so."""
    deciding = op == "||"
    if any(isinstance(c, plan.Constant) and c.value is deciding for c in conditions):
        return plan.Constant(deciding)
    open_ = tuple(c for c in conditions if not isinstance(c, plan.Constant))
    if len(open_) < 2:
        return open_[0] if open_ else plan.Constant(not deciding)
    return plan.Some(open_) if deciding else plan.Every(open_)


def _null_test(node: ast.Binary, left: plan.Value, right: plan.Value) -> plan.Condition:
    value = right if left.kind.name == "null" else left
    if node.op not in ("==", "!="):
        raise RuleError(_("null has no order."), node.at, _("Accepted: == null, != null."))
    if value.kind.name == "null":
        return plan.Constant(True)
    if value.kind.name != "sealed":
        expect(node.op, value.kind, node.at)
    if value.is_derived or isinstance(value, plan.Const):
        return plan.Constant(False)
    return plan.IsNull(value)


def _converted(value: plan.Value, wanted: Kind, node: ast.Node) -> plan.Value:
    """Return *value*, a text constant made what is *wanted*."""
    if not isinstance(value, plan.Const) or value.kind.name != "text":
        return value
    if wanted.name == "id":
        try:
            return plan.Const(kinds.identity(), _uuid(value.value))
        except ValueError:
            raise RuleError(_("{text!r} is no id."), node.at, text=value.value[:40]) from None
    if wanted.name == "text" and wanted.slugs is not None:
        _check_slug(value.value, wanted, node.at)
    return value


def _uuid(text: str) -> UUID:
    made = UUID(text)
    if str(made) != text.lower():
        raise ValueError(text)
    return made


def _expect_same(left: plan.Value, right: plan.Value, node: ast.Binary) -> None:
    if left.kind.fits(right.kind):
        return
    if left.kind.name == right.kind.name == "id":
        raise RuleError(
            _("a reference to {left} never equals one to {right}."),
            node.at,
            left=left.kind.entity,
            right=right.kind.entity,
        )
    # The constant is the side that can be written differently.
    literal = isinstance(left, plan.Const) and not isinstance(right, plan.Const)
    wrong, other = (node.left, right) if literal else (node.right, left)
    raise RuleError(
        _("{left} cannot be compared with {right}."),
        wrong.at or node.at,
        _("Accepted: {example}."),
        left=left.kind.label,
        right=right.kind.label,
        example=other.kind.example,
    )


def _slug(node: ast.Node, kind: Kind) -> str:
    value = node.value if isinstance(node, ast.Literal) else None
    if not isinstance(value, str):
        raise RuleError(_("one of its choices is expected, in quotes."), node.at)
    _check_slug(value, kind, node.at)
    return value


def _check_slug(slug: str, kind: Kind, at: Position | None) -> None:
    assert kind.slugs is not None
    if slug in kind.slugs:
        return
    meant = closest(slug, kind.slugs)
    accepted: Text = _("Did you mean {meant!r}?") if meant else _("Accepted: {known}.")
    known = ", ".join(kind.slugs)
    raise RuleError(_("{slug!r} is none of the choices."), at, accepted, slug=slug[:40], meant=meant, known=known)


def _holds(op: str, left: object, right: object) -> bool:
    from crmkit.core.rules.memory import COMPARISONS

    return bool(COMPARISONS[op](left, right))


def _value_of(value: plan.Value) -> object:
    return value.value if isinstance(value, plan.Const) else None
