"""From tree to text: one spelling for each tree, with no more parentheses than it needs."""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from functools import lru_cache

from crmkit.core.rules import ast

__all__ = ["render"]

_BINDING = {"||": 2, "&&": 3, "in": 4, "+": 5, "-": 5, "*": 6}
_COMPARISON, _UNARY, _MEMBER = 4, 7, 8
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


@lru_cache(maxsize=1024)
def render(node: ast.Node) -> str:
    """Return *node* as CEL; parsing it gives an equal tree."""
    return _render(node, 0)


def _render(node: ast.Node, around: int) -> str:
    text, binding = _spell(node)
    return f"({text})" if binding < around else text


def _spell(node: ast.Node) -> tuple[str, int]:
    """Return the text of *node* and how tightly its outermost operator binds."""
    match node:
        case ast.Literal(value=value):
            return _literal(value), _UNARY if _is_negative(value) else _MEMBER
        case ast.Path(parts=parts):
            return ".".join(parts), _MEMBER
        case ast.Items(items=items):
            return f"[{_arguments(items)}]", _MEMBER
        case ast.Call(name=name, arguments=arguments):
            return f"{name}({_arguments(arguments)})", _MEMBER
        case ast.Method(target=target, name=name, arguments=arguments):
            return f"{_render(target, _MEMBER)}.{name}({_arguments(arguments)})", _MEMBER
        case ast.Not(operand=operand):
            return f"!{_render(operand, _UNARY)}", _UNARY
        case ast.Minus(operand=operand):
            return f"-{_render(operand, _MEMBER)}", _UNARY
        case ast.Logic(op=op, operands=operands):
            return f" {op} ".join(_render(o, _BINDING[op] + 1) for o in operands), _BINDING[op]
        case ast.Ternary(test=test, then=then, otherwise=otherwise):
            return f"{_render(test, 2)} ? {_render(then, 2)} : {_render(otherwise, 1)}", 1
    assert isinstance(node, ast.Binary)
    binding = _BINDING.get(node.op, _COMPARISON)
    return f"{_render(node.left, binding)} {node.op} {_render(node.right, binding + 1)}", binding


def _arguments(nodes: tuple[ast.Node, ...]) -> str:
    return ", ".join(_render(node, 0) for node in nodes)


def _is_negative(value: object) -> bool:
    # copysign, not <: -0.0 is written with a minus too.
    return isinstance(value, int | Decimal) and (value < 0 or (isinstance(value, Decimal) and value.is_signed()))


def _literal(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + "".join(map(_character, value)) + '"'
    if isinstance(value, Decimal):
        digits = f"{value:f}"
        return digits if "." in digits else digits + ".0"
    return str(value)


def _character(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    # Invisible characters are escaped, so that a rule never looks like another one.
    if char != " " and unicodedata.category(char)[0] in "CZ":
        return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
    return char
