"""How deep the SQL of a rule nests.

SQLite before 3.46 reads a statement with a stack of one hundred symbols, whatever is inside what: a rule that needs
most of them fails when it is run, and not on PostgreSQL. So it is refused when it is checked. What each construct
takes was measured by nesting it until SQLite refused; a test does so again.
"""

from __future__ import annotations

from functools import singledispatch

from crmkit.core.rules import plan

__all__ = ["MAX_NESTING", "nesting"]

# Half of the stack: a relation of a caller's rule may hold a grant's rule, and both run in one statement.
MAX_NESTING = 46
_STEP, _CALL, _SELECT, _TIMELINE = 9, 4, 10, 8


@singledispatch
def nesting(part: plan.Part) -> int:
    """Return how many symbols SQLite keeps at the deepest place of the SQL of *part*."""
    return 1


@nesting.register
def _field(part: plan.Field) -> int:
    return 1 + _STEP * len(part.steps) + (_SELECT if part.is_computed else 0)


@nesting.register
def _opposite(part: plan.Opposite) -> int:
    return 1 + nesting(part.condition)


@nesting.register(plan.Every)
@nesting.register(plan.Some)
def _joined(part: plan.Part) -> int:
    first, *others = map(nesting, part.parts)
    return max(1 + first, *(3 + other for other in others))


@nesting.register(plan.IfElse)
@nesting.register(plan.Choose)
def _ternary(part: plan.Part) -> int:
    test, then, otherwise = part.parts
    # An else that is a ternary is one more WHEN of the same CASE.
    chained = isinstance(otherwise, plan.IfElse | plan.Choose)
    return max(4 + nesting(test), 5 + nesting(then), nesting(otherwise) + (0 if chained else 4))


@nesting.register(plan.Compare)
@nesting.register(plan.OneOf)
def _compared(part: plan.Part) -> int:
    first, *others = map(nesting, part.parts)
    return max(first, *(2 + other for other in others))


@nesting.register
def _text_test(part: plan.TextTest) -> int:
    both = max(nesting(part.value), 2 + nesting(part.part))
    plain = isinstance(part.part, plan.Const) or part.name == "contains"
    return both + (_CALL if plain else _SELECT + 2)


@nesting.register
def _has_slug(part: plan.HasSlug) -> int:
    return _CALL + nesting(part.value)


@nesting.register(plan.IsNull)
@nesting.register(plan.IsTrue)
def _tested(part: plan.IsNull | plan.IsTrue) -> int:
    return nesting(part.value)


@nesting.register
def _arithmetic(part: plan.Arithmetic) -> int:
    return _SELECT + _operand(part)


def _operand(part: plan.Part) -> int:
    if isinstance(part, plan.Arithmetic):
        return max(1 + _operand(part.left), 3 + _operand(part.right))
    return 1 + _operand(part.value) if isinstance(part, plan.Scaled) else nesting(part)


@nesting.register
def _scaled(part: plan.Scaled) -> int:
    return 1 + nesting(part.value)


@nesting.register
def _fold(part: plan.Fold) -> int:
    return _CALL + nesting(part.value)


@nesting.register
def _size(part: plan.Size) -> int:
    return (_SELECT + 2 if part.value.kind.name == "slugs" else _CALL) + nesting(part.value)


@nesting.register
def _shift(part: plan.Shift) -> int:
    return _TIMELINE + nesting(part.value)
