"""From tokens to the tree: operator precedence as in CEL.

Why this is not cel-python's parser is measured in ``docs/decisions/rules.md``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice

from crmkit.core.rules import ast
from crmkit.core.rules.errors import Position, RuleError
from crmkit.core.rules.functions import FUNCTIONS, MACROS, METHODS, closest
from crmkit.core.rules.lexer import Token, tokenize
from crmkit.core.text import Text, gettext as _

__all__ = ["parse"]

_LOOSEST, _UNARY = 0, 7
_BINDING = {
    "?": 1,
    "||": 2,
    "&&": 3,
    **dict.fromkeys(["==", "!=", "<", "<=", ">", ">=", "in"], 4),
    **dict.fromkeys(["+", "-"], 5),
    "*": 6,
}
# A level of the tree takes at most two nested calls: an operand, and parentheses around it.
_MAX_NESTING = 2 * ast.MAX_DEPTH + 2
_CONSTANTS = {"null": None, "true": True, "false": False}
_WORDS = {"and": "&&", "or": "||", "not": "!", "AND": "&&", "OR": "||", "NOT": "!", "is": "==", "None": "null"}


@lru_cache(maxsize=1024)
def parse(text: str) -> ast.Node:
    """Return the tree of *text*; the same text is parsed once.

    Raises:
        RuleError: *text* is no rule; the error has the position.
    """
    parser = _Parser(tokenize(text))
    node = parser.expression(_LOOSEST)
    parser.finish()
    return node


class _Parser:
    """Looks at one token, and at two more behind a dot."""

    def __init__(self, tokens: Iterator[Token]) -> None:
        self.tokens, self.ahead, self.nesting = tokens, deque[Token](), 0
        self.token = next(tokens)

    def take(self) -> Token:
        token = self.token
        if token.kind != "end":
            self.token = self.ahead.popleft() if self.ahead else next(self.tokens)
        return token

    def accept(self, kind: str) -> bool:
        if self.token.kind != kind:
            return False
        self.take()
        return True

    def expect(self, kind: str) -> None:
        if not self.accept(kind):
            raise self.unexpected(_("Expected {kind!r}."), kind=kind)

    def finish(self) -> None:
        if self.token.kind != "end":
            raise self.unexpected(_("Expected the end, or an operator such as && or ==."))

    def unexpected(self, accepted: Text, **facts: str) -> RuleError:
        """Return the error that the token at hand does not belong here."""
        token = self.token
        if token.kind == "end":
            return RuleError(_("it ends too early."), token.at, accepted, **facts)
        word = str(token.value)[:40]
        if token.kind == "name" and word in _WORDS:
            accepted, facts = _("Write {instead}."), {"instead": _WORDS[word]}
        return RuleError(_("unexpected {word!r}."), token.at, accepted, word=word, **facts)

    def expression(self, around: int) -> ast.Node:
        """Return the longest expression whose operators bind tighter than *around*."""
        self.nesting += 1
        if self.nesting > _MAX_NESTING:
            raise RuleError(
                _("it is nested too deeply."), self.token.at, _("Accepted: {limit} levels."), limit=ast.MAX_DEPTH
            )
        left = self.prefix()
        while True:
            token = self.token
            op = token.value if token.kind == "name" else token.kind
            binding = _BINDING.get(op, _LOOSEST) if isinstance(op, str) else _LOOSEST
            if binding <= around:
                self.nesting -= 1
                return left
            self.take()
            left = self.infix(left, str(op), binding, token.at)

    def infix(self, left: ast.Node, op: str, binding: int, at: Position) -> ast.Node:
        if op == "?":
            then = self.expression(_BINDING["?"])
            self.expect(":")
            return ast.Ternary(left, then, self.expression(_LOOSEST), at=at)
        right = self.expression(binding)
        if op == "&&":
            return ast.both(left, right, at)
        return ast.either(left, right, at) if op == "||" else ast.Binary(op, left, right, at=at)

    def prefix(self) -> ast.Node:
        """Return what stands before any operator, with the methods called on it."""
        token = self.token
        match token.kind:
            case "name":
                return self.methods(self.name())
            case "text" | "number":
                self.take()
                return self.methods(ast.Literal(token.value, at=token.at))  # type: ignore[arg-type]
            case "!":
                self.take()
                return ast.Not(self.expression(_UNARY), at=token.at)
            case "-":
                self.take()
                return ast.minus(self.expression(_UNARY), token.at)
            case "(":
                self.take()
                inner = self.expression(_LOOSEST)
                self.expect(")")
                return self.methods(inner)
            case "[":
                self.take()
                return self.methods(ast.Items(self.arguments("]"), at=token.at))
        raise self.unexpected(_("Expected a field, a value, ! or (."))

    def arguments(self, closing: str) -> tuple[ast.Node, ...]:
        """Return what stands between commas up to *closing*."""
        found: list[ast.Node] = []
        while not self.accept(closing):
            if found and not self.accept(","):
                raise self.unexpected(_("Expected , or {closing}."), closing=closing)
            if len(found) == ast.MAX_ITEMS:
                raise RuleError(
                    _("the list is too long."), self.token.at, _("Accepted: {limit} values."), limit=ast.MAX_ITEMS
                )
            found.append(self.expression(_LOOSEST))
        return tuple(found)

    def name(self) -> ast.Node:
        """Return the constant, call or path that starts with the name at hand."""
        if self.token.value == "in":
            raise self.unexpected(_("Expected a field, a value, ! or (."))
        first = self.take()
        word = str(first.value)
        if word in _CONSTANTS:
            return ast.Literal(_CONSTANTS[word], at=first.at)
        if self.accept("("):
            return self.call(first)
        parts, places = [word], [first.at]
        while self.token.kind == "." and not self.calls_next():
            self.take()
            part = self.selector()
            parts.append(str(part.value))
            places.append(part.at)
        return ast.Path(tuple(parts), tuple(places), at=first.at)

    def calls_next(self) -> bool:
        """Return whether the name after this dot is a method."""
        self.ahead.extend(islice(self.tokens, 2 - len(self.ahead)))
        return [token.kind for token in self.ahead] == ["name", "("]

    def selector(self) -> Token:
        if self.token.kind != "name" or self.token.value in ("in", *_CONSTANTS):
            raise self.unexpected(_("Expected the name of a field."))
        return self.take()

    def call(self, function: Token) -> ast.Node:
        name = str(function.value)
        _check_known(name, FUNCTIONS, function.at)
        arguments = self.arguments(")")
        _check_count(name, FUNCTIONS[name], arguments, function.at)
        return ast.Call(name, arguments, at=function.at)

    def methods(self, target: ast.Node) -> ast.Node:
        """Return *target* with the methods that are called on it."""
        while True:
            if self.token.kind == "[":
                raise RuleError(_("rules have no index access."), self.token.at)
            if self.token.kind == "(":
                raise self.unexpected(_("Only functions and methods can be called."))
            if not self.accept("."):
                return target
            method = self.selector()
            name = str(method.value)
            if not self.accept("("):
                raise RuleError(
                    _("{name!r} cannot be selected from a value."),
                    method.at,
                    _("Fields are named alone: company.city."),
                    name=name[:40],
                )
            _check_known(name, METHODS, method.at)
            arguments = self.arguments(")")
            _check_count(name, METHODS[name], arguments, method.at)
            target = ast.Method(target, name, arguments, at=method.at)


def _check_known(name: str, known: Mapping[str, int], at: Position) -> None:
    if name in known:
        return
    if name in MACROS:
        raise RuleError(_("the macro {name}() is not part of rules."), at, name=name)
    if name == "matches":
        raise RuleError(_("regular expressions are not part of rules."), at, _("Use contains, startsWith or endsWith."))
    meant = closest(name, known)
    hint = _("Did you mean {meant}()?") if meant else _("Accepted: {known}.")
    raise RuleError(
        _("there is no function {name!r} here."), at, hint, name=name[:40], meant=meant, known=", ".join(known)
    )


def _check_count(name: str, count: int, arguments: tuple[ast.Node, ...], at: Position) -> None:
    if len(arguments) != count:
        raise RuleError(
            _("{name}() takes {count} arguments, got {given}."), at, name=name, count=count, given=len(arguments)
        )
