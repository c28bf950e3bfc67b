"""Random statements, each a function of where its rows come from."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from hypothesis import strategies as st
from sqlalchemy import func, select

from tests.core.gate_material import CANARY, NUMBER

__all__ = ["TRAPS", "overflow_trap", "statements"]

Take = Callable[[], Any]
Make = Callable[[Any], Any]
Build = Callable[[Take], Any]

_TEXTS = st.sampled_from(["name", "stage"])
_COMPARISONS = st.sampled_from([operator.eq, operator.ne, operator.lt, operator.ge])


def overflow_trap(source: Any) -> Any:
    """Return 1, and an error on a hidden row, as the other traps do."""
    lowest = sa.literal(-(2**63), sa.BigInteger)
    return func.abs(sa.case((source.c.amount == NUMBER, lowest), else_=1))


def _division_trap(source: Any) -> Any:
    return 1 % sa.case((source.c.name == CANARY, 0), else_=2)


def _cast_trap(source: Any) -> Any:
    return sa.cast(sa.case((source.c.name == CANARY, source.c.name), else_="1"), sa.Integer)


def _json_trap(source: Any) -> Any:
    return func.json_array_length(sa.case((source.c.stage == CANARY, "{"), else_="[0]"))


TRAPS: dict[str, list[Make]] = {
    "sqlite": [overflow_trap, _json_trap],
    "postgresql": [overflow_trap, _division_trap, _cast_trap],
}


@st.composite
def _numbers(draw: st.DrawFn, traps: list[Make], depth: int = 2) -> Make:
    """An integer expression over one source."""
    if draw(st.integers(0, 5)) == 0:
        return draw(st.sampled_from(traps))
    kind = draw(
        st.sampled_from(["column", "length", "add", "less", "minus", "coalesce", "case", "remainder"][: 2 + 6 * depth])
    )
    if kind == "column":
        name = draw(st.sampled_from(["id", "amount", "company_id"]))
        return lambda source: source.c[name]
    if kind == "length":
        return lambda source: func.length(source.c.name)
    inner, constant = draw(_numbers(traps, depth - 1)), draw(st.integers(-9, 9))
    if kind in ("add", "case"):
        other = draw(_numbers(traps, depth - 1))
        if kind == "add":
            return lambda source: inner(source) + other(source)
        return lambda source: sa.case((inner(source) > constant, other(source)), else_=constant)
    made: dict[str, Make] = {
        "less": lambda source: inner(source) - constant,
        "minus": lambda source: -inner(source),
        "coalesce": lambda source: func.coalesce(inner(source), constant),
        "remainder": lambda source: func.abs(inner(source)) % 7,
    }
    return made[kind]


@st.composite
def _conditions(draw: st.DrawFn, traps: list[Make], depth: int = 2) -> Make:
    """A condition over one source."""
    kind = draw(st.sampled_from(["number", "contains", "in", "open", "closed", "or", "and", "not"][: 5 + 3 * depth]))
    if kind == "number":
        compare, number, constant = draw(_COMPARISONS), draw(_numbers(traps)), draw(st.integers(-9, 300))
        return lambda source: compare(number(source), constant)
    if kind in ("or", "and"):
        left, right = draw(_conditions(traps, depth - 1)), draw(_conditions(traps, depth - 1))
        join = sa.or_ if kind == "or" else sa.and_
        return lambda source: join(left(source), right(source))
    if kind == "not":
        inner = draw(_conditions(traps, depth - 1))
        return lambda source: sa.not_(inner(source))
    text = draw(_TEXTS)
    made: dict[str, Make] = {
        "contains": lambda source: source.c[text].contains("e"),
        "in": lambda source: source.c[text].in_(["won", "new", CANARY]),
        "open": lambda source: source.c.is_open.is_(True),
        "closed": lambda source: source.c.closed_on.is_not(None),
    }
    return made[kind]


@st.composite
def _flat(draw: st.DrawFn, traps: list[Make]) -> Build:
    """A select of ``k`` and ``v`` over one or two sources."""
    kind = draw(
        st.sampled_from(["rows", "grouped", "ranked", "joined", "first", "sorted", "distinct", "existing", "compared"])
    )
    number, condition, text = draw(_numbers(traps)), draw(_conditions(traps)), draw(_TEXTS)

    def build(take: Take) -> Any:
        d = take()
        k, v = d.c[text].label("k"), number(d).label("v")
        if kind == "rows":
            return select(k, v).where(condition(d))
        if kind == "grouped":
            return select(k, func.sum(number(d)).label("v")).group_by(d.c[text]).having(func.count() > 0)
        if kind == "ranked":
            return select(k, func.rank().over(partition_by=d.c[text], order_by=number(d)).label("v"))
        if kind == "first":
            return select(k, v).where(condition(d)).order_by(d.c.id).limit(2)
        if kind == "sorted":
            return select(k, v).where(condition(d)).order_by(number(d), d.c.id).limit(3)
        if kind == "distinct":
            return select(k, v).distinct()
        e = take().alias()
        if kind == "joined":
            return select(k, number(e).label("v")).join(e, d.c.company_id == e.c.company_id)
        if kind == "existing":
            found = select(e.c.id).where(condition(e), e.c.company_id == d.c.company_id).exists()
            return select(k, v).where(found)
        best = select(func.max(number(e))).where(e.c.stage == d.c.stage).scalar_subquery()
        return select(k, best.label("v"))

    return build


@st.composite
def _deep(draw: st.DrawFn, inner: st.SearchStrategy[Build]) -> Build:
    """A select of ``k`` and ``v`` over other such selects."""
    kind, text = draw(st.sampled_from(["derived", "named", "both", "within"])), draw(_TEXTS)
    one = draw(inner)
    other = draw(inner) if kind == "both" else None

    def build(take: Take) -> Any:
        if kind == "named":
            cte = one(take).cte()
            return select(cte.c.k, cte.c.v).where(cte.c.v.is_not(None))
        sub = one(take).subquery()
        if kind == "derived":
            return select(sub.c.k, func.count(sub.c.v).label("v")).group_by(sub.c.k)
        if other is not None:
            second = other(take).subquery()
            union = sa.union_all(select(sub.c.k, sub.c.v), select(second.c.k, second.c.v)).subquery()
            return select(union.c.k, union.c.v)
        d = take()
        return select(d.c[text].label("k"), d.c.id.label("v")).where(d.c[text].in_(select(sub.c.k)))

    return build


def statements(traps: list[Make]) -> st.SearchStrategy[Build]:
    """Return statements in which some expressions are *traps*."""
    return st.recursive(_flat(traps), _deep, max_leaves=4)
