"""The rule as a value: compared, hashed, stored as text, combined with ``&``, ``|`` and ``~``."""

from __future__ import annotations

from typing import Any, NoReturn

from crmkit.core.rules import ast
from crmkit.core.rules.render import render
from crmkit.core.text import gettext as _

__all__ = ["Rule"]


class Rule:
    """A condition on a record, written in a subset of CEL.

    Two rules are equal if they say the same in the same words, wherever these stand.
    """

    __slots__ = ("_node",)

    def __init__(self, node: ast.Node) -> None:
        """Wrap *node*; use :meth:`parse` for text and ``Deal.f`` for Python."""
        self._node = node

    @classmethod
    def parse(cls, text: Any) -> Rule:
        """Return the rule that *text* is.

        Raises:
            RuleError: it is no rule; the error has the position.
        """
        from crmkit.core.rules.parse import parse

        if not isinstance(text, str):
            return Rule.of(text)
        return Rule(parse(text))

    @classmethod
    def of(cls, given: object) -> Rule:
        """Return *given* as a plain rule: text is parsed, and a field such as ``Deal.f.is_open`` becomes a value.

        Raises:
            RuleError: the text is no rule, or it is no text.
        """
        if isinstance(given, str):
            return cls.parse(given)
        if isinstance(given, Rule):
            return Rule(given.node)
        from crmkit.core.rules.errors import RuleError

        accepted = _("Accepted: text, or a rule built from fields, such as Deal.f.is_open.")
        raise RuleError(_("{given} is no rule."), accepted=accepted, given=repr(given)[:80])

    @property
    def node(self) -> ast.Node:
        """The tree."""
        return self._node

    @property
    def text(self) -> str:
        """The rule as text that :meth:`parse` reads back as an equal rule."""
        return render(self._node)

    def __and__(self, other: Rule) -> Rule:
        return Rule(ast.both(self._node, _node(other)))

    def __or__(self, other: Rule) -> Rule:
        return Rule(ast.either(self._node, _node(other)))

    def __invert__(self) -> Rule:
        return Rule(ast.Not(self._node))

    def __bool__(self) -> NoReturn:
        raise TypeError("a rule is neither true nor false until it meets a record; combine rules with &, | and ~")

    def __eq__(self, other: object) -> bool:
        return self._node == other._node if isinstance(other, Rule) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._node)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Rule.parse({self.text!r})"


def _node(other: object) -> ast.Node:
    if not isinstance(other, Rule):
        raise TypeError(f"a rule combines with another rule, not with {other!r}; put comparisons in parentheses")
    return other.node
