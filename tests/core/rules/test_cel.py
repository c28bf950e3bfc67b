"""Rules are CEL: cel-python's parser, which is not ours, reads the same tree from the same text."""

import warnings
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings

from crmkit.core.rules import ast
from crmkit.core.rules.parse import parse
from crmkit.core.rules.rule import Rule
from tests.core.rules.strategies import conditions

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from celpy.celparser import CELParser

OPERATORS = {
    "relation_lt": "<", "relation_le": "<=", "relation_gt": ">", "relation_ge": ">=", "relation_eq": "==",
    "relation_ne": "!=", "relation_in": "in", "addition_add": "+", "addition_sub": "-", "multiplication_mul": "*",
}  # fmt: skip


def from_cel(tree):
    """Return what lark read, as our tree."""
    kind, children = tree.data, tree.children
    match kind:
        case "ident":
            return ast.Path((str(children[0]),))
        case "literal":
            return _literal(children[0])
        case "list_lit":
            return ast.Items(_several(children))
        case "ident_arg":
            return ast.Call(str(children[0]), _several(children[1:]))
        case "member_dot":
            return ast.Path((*from_cel(children[0]).parts, str(children[1])))
        case "member_dot_arg":
            return ast.Method(from_cel(children[0]), str(children[1]), _several(children[2:]))
        case "expr" if len(children) == 3:
            return ast.Ternary(*map(from_cel, children))
        case "conditionalor" if len(children) == 2:
            return ast.either(*map(from_cel, children))
        case "conditionaland" if len(children) == 2:
            return ast.both(*map(from_cel, children))
        case "unary" if len(children) == 2:
            operand = from_cel(children[1])
            return ast.Not(operand) if children[0].data == "unary_not" else ast.minus(operand)
        case "relation" | "addition" | "multiplication" if len(children) == 2:
            return ast.Binary(OPERATORS[children[0].data], from_cel(children[0].children[0]), from_cel(children[1]))
    assert len(children) == 1, kind
    return from_cel(children[0])


def _several(children):
    return tuple(map(from_cel, children[0].children)) if children else ()


def _literal(token):
    if token.type == "STRING_LIT":
        return parse(str(token))
    values = {"true": True, "false": False, "null": None}
    if str(token) in values:
        return ast.Literal(values[str(token)])
    return ast.Literal(int(token) if token.type == "INT_LIT" else Decimal(str(token)))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(conditions)
def test_cel_python_reads_the_same_tree(node):
    assert from_cel(CELParser().parse(Rule(node).text)) == node


@pytest.mark.parametrize(
    "text",
    [
        "a || b && c || d", "a ? b : c ? d : e", "!a && !b", "!(a == b)", "a + b - c * d > -e", "a - b - c > 0",
        "a.b.c == 1", "a.b.contains('x') && c in [1, 2, 3]", "a - -1 > 0 && b", "((a)) && (b || (c))", "a==1||b!=2",
        "-a.size() < 3", "!a.startsWith('x') || b",
    ],
)  # fmt: skip
def test_cel_python_reads_the_same_tree_from_what_people_write(text):
    assert from_cel(CELParser().parse(text)) == parse(text)
