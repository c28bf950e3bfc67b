"""The tree of a rule. Nodes are frozen, compare without their position, and refuse to grow too large."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

import attrs

from crmkit.core.rules.errors import Position, RuleError
from crmkit.core.text import gettext as _

__all__ = [
    "MAX_DEPTH",
    "MAX_ITEMS",
    "MAX_NODES",
    "Binary",
    "Call",
    "Items",
    "Literal",
    "Logic",
    "Method",
    "Minus",
    "Node",
    "Not",
    "Path",
    "Ternary",
    "both",
    "either",
    "minus",
]

MAX_DEPTH = 50
MAX_NODES = 500
MAX_ITEMS = 1_000
Scalar: TypeAlias = bool | int | Decimal | str | None


def _typed(value: object) -> object:
    # In Python 1 == True == Decimal(1); in a rule these are three literals.
    return type(value), value


@attrs.frozen(kw_only=True, cache_hash=True)
class Node:
    """What every node is. *depth* and *size* count nodes below and including this one."""

    at: Position | None = attrs.field(default=None, eq=False, repr=False)
    depth: int = attrs.field(init=False, eq=False, repr=False)
    size: int = attrs.field(init=False, eq=False, repr=False)

    @property
    def children(self) -> tuple[Node, ...]:
        """The nodes directly below."""
        return ()

    @property
    def weight(self) -> int:
        """How many levels and parts the node itself stands for."""
        return 1

    def __attrs_post_init__(self) -> None:
        depth = size = self.weight
        for child in self.children:
            depth = max(depth, child.depth + 1)
            size += child.size
        if depth > MAX_DEPTH:
            raise RuleError(_("it is nested too deeply."), self.at, _("Accepted: {limit} levels."), limit=MAX_DEPTH)
        if size > MAX_NODES:
            raise RuleError(_("it is too large."), self.at, _("Accepted: {limit} parts."), limit=MAX_NODES)
        object.__setattr__(self, "depth", depth)
        object.__setattr__(self, "size", size)


@attrs.frozen(cache_hash=True)
class Literal(Node):
    """A constant. *currency* is remembered where Python code gave a Money; the text shows the number alone."""

    value: Scalar = attrs.field(eq=_typed)
    currency: str | None = attrs.field(default=None, eq=False, repr=False)


@attrs.frozen(cache_hash=True)
class Items(Node):
    """A list. Constants in it do not count as parts of the rule; how many there may be is a limit of its own."""

    items: tuple[Node, ...]

    def __attrs_post_init__(self) -> None:
        if len(self.items) > MAX_ITEMS:
            raise RuleError(_("the list is too long."), self.at, _("Accepted: {limit} values."), limit=MAX_ITEMS)
        Node.__attrs_post_init__(self)

    @property
    def children(self) -> tuple[Node, ...]:
        """The items that are more than a constant."""
        return tuple(item for item in self.items if item.size > 1)


@attrs.frozen(cache_hash=True)
class Path(Node):
    """A field, reached through relations or an extension: ``company.city``. *places* are where the parts stand."""

    parts: tuple[str, ...]
    places: tuple[Position, ...] = attrs.field(default=(), eq=False, repr=False)

    @property
    def weight(self) -> int:
        """Each relation on the way is a level, and a sub-select."""
        return len(self.parts)

    def place(self, index: int) -> Position | None:
        """Return where the part *index* stands, if it was written as text."""
        return self.places[index] if self.places else self.at


@attrs.frozen(cache_hash=True)
class Call(Node):
    """A function: ``days(7)``."""

    name: str
    arguments: tuple[Node, ...]

    @property
    def children(self) -> tuple[Node, ...]:
        """The arguments."""
        return self.arguments


@attrs.frozen(cache_hash=True)
class Method(Node):
    """A function of a value: ``name.contains("x")``."""

    target: Node
    name: str
    arguments: tuple[Node, ...]

    @property
    def children(self) -> tuple[Node, ...]:
        """The value and the arguments."""
        return (self.target, *self.arguments)


@attrs.frozen(cache_hash=True)
class Not(Node):
    """``!operand``."""

    operand: Node

    @property
    def children(self) -> tuple[Node, ...]:
        """The operand."""
        return (self.operand,)


@attrs.frozen(cache_hash=True)
class Minus(Node):
    """``-operand``."""

    operand: Node

    @property
    def children(self) -> tuple[Node, ...]:
        """The operand."""
        return (self.operand,)


@attrs.frozen(cache_hash=True)
class Binary(Node):
    """A comparison or a calculation; *op* is one of ``== != < <= > >= in + - *``."""

    op: str
    left: Node
    right: Node

    @property
    def children(self) -> tuple[Node, ...]:
        """Left and right."""
        return (self.left, self.right)


@attrs.frozen(cache_hash=True)
class Logic(Node):
    """``&&`` or ``||`` of two or more operands; a chain is one level, however long."""

    op: str
    operands: tuple[Node, ...]

    @property
    def children(self) -> tuple[Node, ...]:
        """The operands."""
        return self.operands


@attrs.frozen(cache_hash=True)
class Ternary(Node):
    """``test ? then : otherwise``."""

    test: Node
    then: Node
    otherwise: Node

    @property
    def children(self) -> tuple[Node, ...]:
        """Test, then, otherwise."""
        return (self.test, self.then, self.otherwise)


def both(left: Node, right: Node, at: Position | None = None) -> Node:
    """Return ``left && right`` as one chain."""
    return Logic("&&", _chain("&&", left) + _chain("&&", right), at=at)


def either(left: Node, right: Node, at: Position | None = None) -> Node:
    """Return ``left || right`` as one chain."""
    return Logic("||", _chain("||", left) + _chain("||", right), at=at)


def _chain(op: str, node: Node) -> tuple[Node, ...]:
    return node.operands if isinstance(node, Logic) and node.op == op else (node,)


def minus(operand: Node, at: Position | None = None) -> Node:
    """Return ``-operand``; of a number, the negative number."""
    value = operand.value if isinstance(operand, Literal) else None
    if isinstance(value, Decimal):
        # copy_negate, because unary minus rounds to the precision of the decimal context.
        return Literal(value.copy_negate(), at=at)
    if isinstance(value, int) and not isinstance(value, bool):
        return Literal(-value, at=at)
    return Minus(operand, at=at)
