"""Hypothesis strategies of rules that make sense in the world."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from hypothesis import strategies as st

from crmkit.core.rules import ast
from tests.core.rules.world import DATES, DECIMALS, INTEGERS, ME, MOMENTS, MY_TEAM, TEXTS

TEXT_FIELDS = [
    "name", "stage", "company.name", "company.city", "company.parent.city", "membership.tier", "company.loyalty.level",
    "membership.sponsor.name", "regarding.entity", "company.parent.parent.name",
]  # fmt: skip
NUMBER_FIELDS = [
    "count", "price", "rate", "share", "amount", "doubtful", "company.employees", "company.revenue",
    "membership.points", "membership.discount", "company.loyalty.years", "company.parent.revenue",
]  # fmt: skip
NO_MONEY = [name for name in NUMBER_FIELDS if not name.endswith(("amount", "revenue"))]
BOOLEAN_FIELDS = ["vip", "company.is_key", "membership.active", "company.parent.is_key"]
DATE_FIELDS = ["closed_on", "company.founded_on", "membership.joined_on", "membership.sponsor.founded_on"]
MOMENT_FIELDS = ["closed_at", "company.since", "created_at", "deleted_at"]
ID_FIELDS = ["owner_id", "created_by", "company.parent_id", "regarding.id", "id", "membership.sponsor_id"]
SLUG_FIELDS = {
    "tags": ["hot", "cold", "hotter"], "company.labels": ["new", "old", "vip"], "membership.marks": ["a", "b"],
}  # fmt: skip
CHOICES = ["low", "high", "highest"]
ALL_FIELDS = [
    *TEXT_FIELDS,
    *NUMBER_FIELDS,
    *BOOLEAN_FIELDS,
    *DATE_FIELDS,
    *MOMENT_FIELDS,
    *ID_FIELDS,
    *SLUG_FIELDS,
    "level",
]
ORDERS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
EQUALITY = st.sampled_from(["==", "!="])
NULL = ast.Literal(None)


def field(names: list[str]) -> st.SearchStrategy[ast.Node]:
    return st.sampled_from(names).map(lambda name: ast.Path(tuple(name.split("."))))


def method(target, name, *arguments) -> st.SearchStrategy[ast.Node]:
    return st.builds(lambda t, *a: ast.Method(t, name, a), target, *arguments)


def ternary(values) -> st.SearchStrategy[ast.Node]:
    return st.builds(ast.Ternary, st.deferred(lambda: simple_conditions), values, values)


def listed(values) -> st.SearchStrategy[ast.Node]:
    return st.lists(values | st.just(NULL), max_size=4).map(lambda items: ast.Items(tuple(items)))


literal_texts = st.sampled_from(TEXTS).map(ast.Literal)
literal_numbers = st.one_of(
    st.sampled_from(INTEGERS).map(ast.Literal),
    st.sampled_from([*DECIMALS, "1.005", "0.00001", "99999999999999999999.5", "-99999999999999999999.5"]).map(
        lambda d: ast.Literal(Decimal(d))
    ),
)
small_numbers = st.sampled_from([0, 1, -1, 2, 3, Decimal("0.5"), Decimal("-1.25"), 10**6, 2**40]).map(ast.Literal)

texts = st.deferred(lambda: st.one_of(plain_texts, method(plain_texts, "lower"), ternary(plain_texts)))
plain_texts = st.one_of(field(TEXT_FIELDS), field(TEXT_FIELDS), literal_texts)
numbers = st.deferred(
    lambda: st.one_of(
        field(NUMBER_FIELDS),
        literal_numbers,
        st.builds(
            ast.Binary, st.sampled_from("+-"), field(NUMBER_FIELDS) | calculated, field(NUMBER_FIELDS) | small_numbers
        ),
        st.builds(ast.Binary, st.sampled_from("+-"), field(NUMBER_FIELDS), calculated),
        calculated,
        calculated.map(ast.minus),
        method(plain_texts, "size"),
        method(field(list(SLUG_FIELDS)), "size"),
        ternary(field(NUMBER_FIELDS) | small_numbers),
        ternary(calculated | field(NUMBER_FIELDS)),
    )
)
calculated = st.one_of(
    st.builds(lambda a, b: ast.Binary("*", a, b), field(NUMBER_FIELDS), small_numbers),
    st.builds(lambda a, b: ast.Binary("*", a, b), field(NO_MONEY), field(NUMBER_FIELDS)),
    st.builds(lambda op, a, b: ast.Binary(op, a, b), st.sampled_from("+-"), field(NUMBER_FIELDS), field(NUMBER_FIELDS)),
    field(NUMBER_FIELDS).map(ast.minus),
)


def span(*names: str) -> st.SearchStrategy[ast.Node]:
    counts = st.sampled_from([0, 1, -1, 7, 24, 365, -400, 100_000]).map(lambda n: (ast.Literal(n),))
    return st.builds(ast.Call, st.sampled_from(names), counts)


def moved(values, *names: str) -> st.SearchStrategy[ast.Node]:
    return st.builds(ast.Binary, st.sampled_from("+-"), values, span(*names))


def call(name: str, text: str) -> ast.Node:
    return ast.Call(name, (ast.Literal(text),))


literal_dates = st.sampled_from(DATES).map(lambda day: call("date", day.isoformat()))
literal_moments = st.one_of(
    st.sampled_from(MOMENTS).map(lambda moment: call("datetime", moment.isoformat())),
    st.sampled_from(["2026-03-16T07:30:00+08:00", "2026-03-15T23:30:00.000001Z", "2026-03-15T18:30-05:00"]).map(
        lambda text: call("datetime", text)
    ),
)
today, now = st.just(ast.Call("today", ())), st.just(ast.Call("now", ()))
plain_dates, plain_moments = field(DATE_FIELDS) | literal_dates | today, field(MOMENT_FIELDS) | literal_moments | now
dates = st.one_of(
    plain_dates,
    moved(field(DATE_FIELDS) | today, "days"),
    ternary(field(DATE_FIELDS) | moved(field(DATE_FIELDS), "days")),
)
moments = st.one_of(
    plain_moments,
    moved(field(MOMENT_FIELDS) | now, "days", "hours"),
    ternary(field(MOMENT_FIELDS) | moved(field(MOMENT_FIELDS), "hours")),
)
ids = st.one_of(
    field(ID_FIELDS),
    st.sampled_from([ME, MY_TEAM, *(id for id in ())]).map(lambda id: ast.Literal(str(id))),
    st.just(ast.Call("me", ())),
)
constant_ids = st.sampled_from(
    [ast.Literal(str(ME)), ast.Call("me", ()), ast.Literal("00000000-0000-0000-0000-0000000003e8")]
)


def comparison(op, left, right) -> st.SearchStrategy[ast.Node]:
    return st.builds(ast.Binary, op, left, right)


def one_of(left, items) -> st.SearchStrategy[ast.Node]:
    return st.builds(lambda a, b: ast.Binary("in", a, b), left, listed(items))


slug_tests = st.sampled_from(sorted(SLUG_FIELDS)).flatmap(
    lambda name: st.one_of(
        st.sampled_from(SLUG_FIELDS[name]).map(
            lambda slug: ast.Method(ast.Path(tuple(name.split("."))), "contains", (ast.Literal(slug),))
        ),
        st.lists(st.sampled_from(SLUG_FIELDS[name]), unique=True).map(
            lambda slugs: ast.Binary("==", ast.Path(tuple(name.split("."))), ast.Items(tuple(map(ast.Literal, slugs))))
        ),
    )
)
simple_conditions = st.one_of(
    field(BOOLEAN_FIELDS),
    comparison(ORDERS, field(TEXT_FIELDS), literal_texts),
    comparison(ORDERS, field(NUMBER_FIELDS), literal_numbers),
    comparison(EQUALITY, field(ALL_FIELDS), st.just(NULL)),
    comparison(EQUALITY, field(["owner_id"]), constant_ids),
)
atoms = st.one_of(
    simple_conditions,
    st.sampled_from([ast.Literal(True), ast.Literal(False)]),
    comparison(ORDERS, texts, texts),
    comparison(ORDERS, numbers, numbers),
    comparison(ORDERS, field(NUMBER_FIELDS), literal_numbers),
    comparison(ORDERS, literal_numbers, field(NUMBER_FIELDS)),
    comparison(ORDERS, dates, dates),
    comparison(ORDERS, moments, moments),
    comparison(EQUALITY, field(ID_FIELDS), constant_ids),
    comparison(EQUALITY, field(ID_FIELDS), field(["created_by", "id", "regarding.id"])),
    comparison(EQUALITY, field(["regarding"]), st.just(NULL) | field(["regarding"])),
    comparison(
        EQUALITY,
        field(BOOLEAN_FIELDS),
        field(BOOLEAN_FIELDS) | st.sampled_from([ast.Literal(True), ast.Literal(False)]),
    ),
    comparison(EQUALITY, field(["level"]), st.sampled_from(CHOICES).map(ast.Literal)),
    one_of(texts, literal_texts),
    one_of(numbers, literal_numbers),
    one_of(dates, literal_dates | today),
    one_of(moments, literal_moments | now),
    one_of(field(ID_FIELDS), constant_ids),
    one_of(field(["level"]), st.sampled_from(CHOICES).map(ast.Literal)),
    st.builds(
        lambda n, t, p: ast.Method(t, n, (p,)), st.sampled_from(["contains", "startsWith", "endsWith"]), texts, texts
    ),
    st.builds(
        lambda n, t, p: ast.Method(t, n, (p,)),
        st.sampled_from(["contains", "startsWith", "endsWith"]),
        field(TEXT_FIELDS),
        literal_texts,
    ),
    slug_tests,
)
conditions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        inner.map(ast.Not),
        st.builds(ast.both, inner, inner),
        st.builds(ast.either, inner, inner),
        st.builds(ast.Ternary, inner, inner, inner),
    ),
    max_leaves=6,
)
ZERO = timedelta()
