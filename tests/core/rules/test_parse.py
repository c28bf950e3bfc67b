import signal
from contextlib import contextmanager
from decimal import Decimal

import pytest
from hypothesis import example, given, strategies as st

from crmkit.core.rules import ast
from crmkit.core.rules.errors import Position, RuleError
from crmkit.core.rules.parse import parse
from crmkit.core.rules.rule import Rule
from tests.core.rules.strategies import conditions


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("a || b && c", "a || (b && c)"),
        ("a && b || c", "(a && b) || c"),
        ("!a && b", "(!a) && b"),
        ("!a.contains('x')", "!(a.contains('x'))"),
        ("a == 1 && b < 2", "(a == 1) && (b < 2)"),
        ("a + b * c == d", "(a + (b * c)) == d"),
        ("a - b - c > 0", "((a - b) - c) > 0"),
        ("-a * b > 0", "(-a) * b > 0"),
        ("a-1>0", "a - 1 > 0"),
        ("a - -1 > 0", "a-(-1) > 0"),
        ("a ? b : c ? d : e", "a ? b : (c ? d : e)"),
        ("a || b ? c : d", "(a || b) ? c : d"),
        ("a && (b && c) && d", "a && b && c && d"),
        ("a == 'x'", 'a == "x"'),
        ("a == '''x'''", 'a == "x"'),
        ("a . b\n== 1", "a.b == 1"),
        ('a == r"x\\d"', 'a == "x\\\\d"'),
        (r'a == "\x41\u00e4\U0001F600\101"', 'a == "AäA😀A"'.replace("AäA", "Aä")),
        ("a in [1, 2]", "(a) in ([1, 2])"),
        ("a == .5", "a == 0.5"),
        ("a == 1e3", "a == 1000.0"),
        ("a == - 5", "a == -5"),
    ],
)
def test_parser_binds_operators_as_cel_does(text, same):
    assert Rule.parse(text) == Rule.parse(same)


def test_parser_keeps_kinds_of_numbers_apart():
    assert [parse(text).value for text in ("1", "1.0", "true", "-1")] == [1, Decimal("1.0"), True, -1]
    assert Rule.parse("a == 1") != Rule.parse("a == 1.0")
    assert Rule.parse("a == 1") != Rule.parse("a == true")


def test_parser_remembers_where_each_part_stands():
    tree = parse('stage == "won" &&\n  company.city == "x"')

    city = tree.operands[1].left
    assert (tree.at, city.at, city.places) == (
        Position(1, 16),
        Position(2, 3),
        (Position(2, 3), Position(2, 11)),
    )


def test_same_text_is_parsed_once():
    assert parse('stage == "won"') is parse('stage == "won"')


# What somebody may send to a filter, and where and why it is refused.
HOSTILE = {
    # No rule at all.
    "": (1, 1, "ends too early"),
    "   \n  ": (2, 3, "ends too early"),
    "'; DROP TABLE sales_deal; --": (1, 1, "no closing quote"),
    "a == 1; DROP TABLE x": (1, 7, "unexpected ';'"),
    "a == 1 -- ": (1, 11, "ends too early"),
    "a == 1 // comment": (1, 8, "no comments"),
    "a == 1 /* x */": (1, 8, "no comments"),
    "a == 1 # x": (1, 8, "unexpected '#'"),
    "a OR 1=1": (1, 3, "Write ||"),
    "a = 1": (1, 3, "written =="),
    "a == 1 UNION SELECT password FROM users": (1, 8, "unexpected 'UNION'"),
    'a LIKE "%"': (1, 3, "unexpected 'LIKE'"),
    "`a` == 1": (1, 1, "unexpected '`'"),
    '"a" "b"': (1, 5, "unexpected 'b'"),
    "${a}": (1, 1, "unexpected '$'"),
    "{{a}}": (1, 1, "no maps"),
    "a == %s": (1, 6, "no remainder"),
    "a == :name": (1, 6, "unexpected ':'"),
    "a == ?": (1, 6, "unexpected '?'"),
    # Python.
    "__import__('os').system('true')": (1, 1, "no function '__import__'"),
    "().__class__.__bases__": (1, 2, "unexpected ')'"),
    '"".__class__ == 1': (1, 4, "cannot be selected"),
    "(lambda: 1)()": (1, 8, "unexpected ':'"),
    "a.__class__()": (1, 3, "no function '__class__'"),
    "[x for x in y]": (1, 4, "Expected , or ]"),
    "a if b else c": (1, 3, "unexpected 'if'"),
    "eval('1')": (1, 1, "no function 'eval'"),
    # CEL beyond the subset.
    "a.exists(x, x == 1)": (1, 3, "macro exists()"),
    "a.all(x, x)": (1, 3, "macro all()"),
    "a.map(x, x)": (1, 3, "macro map()"),
    "a.filter(x, x)": (1, 3, "macro filter()"),
    "a.exists_one(x, x)": (1, 3, "macro exists_one()"),
    "has(a.b)": (1, 1, "macro has()"),
    "a.matches('(x+x+)+y')": (1, 3, "regular expressions"),
    "a[0] == 1": (1, 2, "index"),
    "{'a': 1} == a": (1, 1, "no maps"),
    "a.b{c: 1}": (1, 4, "no maps"),
    "now().year == 1": (1, 7, "cannot be selected"),
    "a.lower().b": (1, 11, "cannot be selected"),
    "timestamp('2026-01-01T00:00:00Z') < a": (1, 1, "no function 'timestamp'"),
    "duration('1h')": (1, 1, "no function 'duration'"),
    "size(a) == 1": (1, 1, "no function 'size'"),
    "a / 2 == 1": (1, 3, "no division"),
    "a % 2 == 1": (1, 3, "no remainder"),
    'a == b"x"': (1, 6, "bytes"),
    "a == 5u": (1, 6, "no number"),
    "a == 0x1F": (1, 6, "no number"),
    ".a == 1": (1, 1, "unexpected '.'"),
    # Broken.
    "(a": (1, 3, "Expected ')'"),
    "a)": (1, 2, "unexpected ')'"),
    "a ==": (1, 5, "ends too early"),
    "== 1": (1, 1, "unexpected '=='"),
    "a && && b": (1, 6, "unexpected '&&'"),
    "a & b": (1, 3, "written &&"),
    "a | b": (1, 3, "written ||"),
    "a in": (1, 5, "ends too early"),
    "a inb": (1, 3, "unexpected 'inb'"),
    "a.": (1, 3, "name of a field"),
    "a..b": (1, 3, "name of a field"),
    "a ? b": (1, 6, "Expected ':'"),
    "days()": (1, 1, "takes 1 arguments, got 0"),
    "days(1, 2)": (1, 1, "takes 1 arguments, got 2"),
    "a.starts_with('x')": (1, 3, "Did you mean startsWith()"),
    "a == 12abc": (1, 6, "no number"),
    "a == 1.2.3": (1, 9, "unexpected"),
    # Text.
    'a == "x': (1, 6, "no closing quote"),
    'a == "x\ny"': (1, 6, "no closing quote"),
    'a == "x\\" || true': (1, 6, "no closing quote"),
    r'a == "\q"': (1, 7, r"'\\q' is no escape"),
    r'a == "xy\u12"': (1, 9, "is no escape"),
    r'a == "\U00110000"': (1, 7, "is no escape"),
    r'a == "\ud800"': (1, 6, "cannot contain"),
    'a == "\x00"': (1, 6, "cannot contain"),
    r'a == "\x00"': (1, 6, "cannot contain"),
    "a == \"x'": (1, 6, "no closing quote"),
    # Look-alikes and the invisible.
    "stаge == 1": (1, 3, "unexpected 'а'"),
    "ｓtage == 1": (1, 1, "unexpected"),
    "a\u202e == 1": (1, 2, r"'\u202e'"),
    "a\u200b == 1": (1, 2, r"'\u200b'"),
    "\ufeffa == 1": (1, 1, r"'\ufeff'"),
    "a\u00a0== 1": (1, 2, r"'\xa0'"),
    "a\x00== 1": (1, 2, r"'\x00'"),
    "a == “x”": (1, 6, "unexpected '“'"),
    "a ＝＝ 1": (1, 3, "unexpected '＝'"),
    "a == ١٢": (1, 6, "unexpected '١'"),
    "größe == 1": (1, 3, "unexpected 'ö'"),
    # Too much.
    "a == " + "9" * 400: (1, 6, "too long"),
    "a == 1e999999999": (1, 6, "too long"),
    "a == 1e-999": (1, 6, "too long"),
    "(" * 3000 + "a" + ")" * 3000: (1, 103, "too deeply"),
    "!" * 9000 + "a": (1, 103, "too deeply"),
    "-" * 9000 + "a": (1, 103, "too deeply"),
    "a" + " + a" * 60: (1, 199, "too deeply"),
    "a ? " * 60 + "a" + " : a" * 60: (1, 7, "unexpected '?'"),
    "a ? b : " * 70 + "c": (1, 163, "too deeply"),
    "company" + ".parent" * 60 + ".city == 1": (1, 1, "too deeply"),
    "[" * 200: (1, 103, "too deeply"),
    " || ".join("a" for _ in range(501)): (1, 2493, "too large"),
    "a in [" + ",".join("1" for _ in range(1001)) + "]": (1, 2007, "too long"),
    'a == "' + "\\n" * 3000: (1, 6, "no closing quote"),
    'a == "' + "\\" * 3001: (1, 6, "no closing quote"),
    "'''" + "''\\" * 3000: (1, 3, "unexpected"),
}


@contextmanager
def seconds(limit):
    def stop(_signal, _frame):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:30]))
def test_hostile_text_is_refused_at_once_with_its_position(text):
    line, column, reason = HOSTILE[text]

    with seconds(5), pytest.raises(RuleError) as caught:
        Rule.parse(text)

    assert (caught.value.line, caught.value.column) == (line, column)
    assert reason in str(caught.value)
    assert len(str(caught.value)) < 250


def test_text_beyond_the_limit_is_refused_unread():
    with pytest.raises(RuleError, match="it has 10001 characters. Accepted: 10000."):
        Rule.parse("(" * 10_001)


def test_chain_of_any_length_is_one_level():
    assert parse(" && ".join("a" for _ in range(400))).depth == 2


def test_largest_list_is_accepted():
    rule = Rule.parse("a in [" + ",".join(str(n) for n in range(1000)) + "]")

    assert Rule.parse(rule.text) == rule


@given(st.text(alphabet=st.sampled_from(list("ab.()[]!&|=<>+-*?:,\"'\\ \n019"))))
@example("a.b.c")
def test_any_text_is_a_rule_or_an_error_with_a_position(text):
    with seconds(5):
        try:
            rule = Rule.parse(text)
        except RuleError as error:
            place = (error.line, error.column)
        else:
            assert Rule.parse(rule.text) == rule
            place = (1, 1)

    assert min(place) >= 1


@given(conditions)
def test_rule_as_text_reads_back_as_an_equal_rule(node):
    rule = Rule(node)

    assert Rule.parse(rule.text) == rule
    assert hash(Rule.parse(rule.text)) == hash(rule)
    assert Rule.parse(rule.text).text == rule.text


def test_text_of_a_rule_shows_what_is_invisible():
    rule = Rule(ast.Binary("==", ast.Path(("name",)), ast.Literal('a\u202e\u200b"\\\n\t 上海é\U000e0001')))

    assert rule.text == r'name == "a\u202e\u200b\"\\\n\t 上海é\U000e0001"'
    assert Rule.parse(rule.text) == rule


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a = 1", "Rule, column 3: unexpected '='. Equality is written ==."),
        ("a ==\n  = 1", "Rule, line 2, column 3: unexpected '='. Equality is written ==."),
    ],
)
def test_error_says_where_what_and_what_instead(text, sentence):
    with pytest.raises(RuleError) as caught:
        Rule.parse(text)

    assert str(caught.value) == sentence
    assert caught.value.code == "rule"
