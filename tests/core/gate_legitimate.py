"""Statements that a plugin may write over the safe relations of its reader."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql

from tests.core.gate_material import Material

__all__ = ["LEGITIMATE", "POSTGRESQL_ONLY", "SQLITE_ONLY"]


def _children(m: Material) -> Any:
    tree = select(m.company.c.id, sa.literal(0).label("depth")).where(m.company.c.parent_id.is_(None))
    tree = tree.cte("tree", recursive=True)
    below = select(m.company.c.id, tree.c.depth + 1).join(tree, m.company.c.parent_id == tree.c.id)
    tree = tree.union_all(below)
    return select(tree.c.id, tree.c.depth).order_by(tree.c.depth, tree.c.id)


def _counter(_m: Material) -> Any:
    numbers = select(sa.literal(1).label("n")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < 12))
    return select(numbers.c.n).order_by(numbers.c.n)


def _months(m: Material) -> Any:
    months = sa.values(sa.column("month", sa.Integer), sa.column("title", sa.String), name="months")
    months = months.data([(1, "Jan"), (2, "Feb"), (3, "Mar")]).cte("months")
    joined = sa.outerjoin(months, m.deal, sa.extract("month", m.deal.c.closed_on) == months.c.month)
    return select(months.c.title, func.count(m.deal.c.id)).select_from(joined).group_by(months.c.title)


def _lateral(m: Material) -> Any:
    last = select(m.deal.c.name, m.deal.c.id).where(m.deal.c.company_id == m.company.c.id)
    last = last.order_by(m.deal.c.id.desc()).limit(1).lateral("last")
    return select(m.company.c.name, last.c.name).join(last, sa.true())


def _per_stage(m: Material) -> sa.Subquery:
    counted = select(m.deal.c.stage, func.count().label("deals"), func.sum(m.deal.c.amount).label("total"))
    return counted.group_by(m.deal.c.stage).subquery()


def _derived_twice(m: Material) -> Any:
    stages = _per_stage(m)
    best = select(func.max(stages.c.total).label("best")).subquery()
    return select(stages.c.stage, stages.c.total * 100 / best.c.best).select_from(sa.join(stages, best, sa.true()))


def _chained_ctes(m: Material) -> Any:
    won = select(m.deal).where(m.deal.c.stage == "won").cte("won")
    big = select(won.c.id, won.c.amount).where(won.c.amount > 50).cte("big")
    return select(func.count(big.c.id), func.count(won.c.id)).select_from(won.outerjoin(big, won.c.id == big.c.id))


def _cte_alias(m: Material) -> Any:
    won = select(m.deal.c.id, m.deal.c.company_id).cte()
    other = won.alias("other")
    return select(won.c.id, other.c.id).where(won.c.company_id == other.c.company_id, won.c.id < other.c.id)


def _self_join(m: Material) -> Any:
    parent = m.company.alias("parent")
    return select(m.company.c.name, parent.c.name).join(parent, m.company.c.parent_id == parent.c.id)


def _grouped_join(m: Material) -> Any:
    inner = sa.join(m.deal, m.company.alias("c"), sa.true())
    return select(m.company.c.id, func.count()).select_from(m.company.join(inner, sa.true())).group_by(m.company.c.id)


def _compared_rows(m: Material) -> Any:
    latest = select(m.deal.c.stage, func.max(m.deal.c.id)).group_by(m.deal.c.stage)
    return select(m.deal.c.name).where(sa.tuple_(m.deal.c.stage, m.deal.c.id).in_(latest))


def _running(m: Material) -> Any:
    running = func.sum(m.deal.c.amount).over(partition_by=m.deal.c.stage, order_by=m.deal.c.id, rows=(None, 0))
    return select(m.deal.c.id, running)


def _nested_unions(m: Material) -> Any:
    names = sa.union(select(m.deal.c.name), select(m.company.c.name))
    return sa.except_(select(names.subquery().c.name), select(m.company.c.city)).order_by("name")


LEGITIMATE: dict[str, Callable[[Material], Any]] = {
    "a whole relation": lambda m: select(m.deal),
    "some columns": lambda m: select(m.deal.c.name, m.deal.c.amount),
    "a method of the relation": lambda m: m.deal.select(),
    "where": lambda m: select(m.deal.c.name).where(m.deal.c.amount > 50, m.deal.c.stage == "won"),
    "and, or, not": lambda m: select(m.deal.c.id).where(
        sa.or_(sa.and_(m.deal.c.amount > 50, m.deal.c.stage == "won"), ~m.deal.c.is_open, sa.not_(m.deal.c.id > 1))
    ),
    "a boolean column": lambda m: select(m.deal.c.id).where(m.deal.c.is_open, m.deal.c.is_open.is_(True)),
    "true, false and null": lambda m: select(sa.true(), sa.false(), sa.null(), m.deal.c.id).where(sa.true()),
    "is null": lambda m: select(m.company.c.id).where(m.company.c.city.is_(None)),
    "is not null": lambda m: select(m.company.c.id).where(m.company.c.city.is_not(None)),
    "is distinct from": lambda m: select(m.company.c.id).where(m.company.c.city.is_distinct_from("Berlin")),
    "is not distinct from": lambda m: select(m.company.c.id).where(m.company.c.city.is_not_distinct_from(None)),
    "between": lambda m: select(m.deal.c.id).where(m.deal.c.amount.between(10, 100)),
    "not between dates": lambda m: select(m.deal.c.id).where(
        ~m.deal.c.closed_on.between(date(2026, 1, 1), date(2026, 2, 28))
    ),
    "like with an escape": lambda m: select(m.deal.c.id).where(m.deal.c.name.like("Deal /%", escape="/")),
    "ilike": lambda m: select(m.company.c.id).where(m.company.c.name.ilike("ACME%")),
    "contains, escaped": lambda m: select(m.company.c.id).where(m.company.c.name.contains("c_e", autoescape=True)),
    "starts and ends": lambda m: select(m.company.c.id).where(
        m.company.c.name.startswith("A") | m.company.c.name.endswith("t") | m.company.c.name.icontains("ACME")
    ),
    "a regular expression": lambda m: select(m.company.c.id).where(m.company.c.name.regexp_match("^A")),
    "Chinese": lambda m: select(m.company.c.name).where(m.company.c.city == "上海"),
    "in a list": lambda m: select(m.deal.c.name).where(m.deal.c.id.in_([1, 2, 3, 99])),
    "in an empty list": lambda m: select(m.deal.c.name).where(m.deal.c.id.in_([])),
    "not in a list": lambda m: select(m.deal.c.name).where(m.deal.c.stage.not_in(["won", "lost"])),
    "in a select": lambda m: select(m.deal.c.name).where(m.deal.c.company_id.in_(select(m.company.c.id))),
    "not in a select": lambda m: select(m.company.c.name).where(
        m.company.c.id.not_in(select(m.deal.c.company_id).where(m.deal.c.stage == "won"))
    ),
    "a tuple in a list": lambda m: select(m.deal.c.id).where(
        sa.tuple_(m.deal.c.stage, m.deal.c.company_id).in_([("won", 1), ("new", 2)])
    ),
    "a tuple in a select": _compared_rows,
    "tuples compared": lambda m: select(m.deal.c.id).where(
        sa.tuple_(m.deal.c.amount, m.deal.c.id) > sa.tuple_(sa.literal(40), sa.literal(1))
    ),
    "exists": lambda m: select(m.company.c.name).where(sa.exists().where(m.deal.c.company_id == m.company.c.id)),
    "not exists": lambda m: select(m.company.c.name).where(
        ~select(m.deal.c.id).where(m.deal.c.company_id == m.company.c.id, m.deal.c.stage == "new").exists()
    ),
    "exists as a column": lambda m: select(sa.exists(select(m.deal.c.id)).label("any")),
    "a scalar select": lambda m: select(select(func.count()).select_from(m.deal).scalar_subquery().label("n")),
    "a correlated scalar select": lambda m: select(
        m.company.c.name,
        select(func.count()).where(m.deal.c.company_id == m.company.c.id).scalar_subquery().label("deals"),
    ),
    "an explicit correlation": lambda m: select(m.company.c.name).where(
        select(func.count()).where(m.deal.c.company_id == m.company.c.id).correlate(m.company).scalar_subquery() > 1
    ),
    "a correlation by exception": lambda m: select(m.company.c.name).where(
        select(m.deal.c.id).where(m.deal.c.company_id == m.company.c.id).correlate_except(m.deal).exists()
    ),
    "a comparison with a scalar select": lambda m: select(m.deal.c.name).where(
        m.deal.c.amount > select(func.avg(m.deal.c.amount)).scalar_subquery()
    ),
    "count": lambda m: select(func.count()).select_from(m.deal),
    "count of a column": lambda m: select(func.count(m.company.c.city), func.count(m.company.c.city.distinct())),
    "count of a literal 1": lambda m: select(func.count(sa.literal_column("1"))).select_from(m.deal),
    "sum, min, max, avg": lambda m: select(
        func.sum(m.deal.c.amount), func.min(m.deal.c.name), func.max(m.deal.c.amount), func.avg(m.deal.c.amount)
    ),
    "group by": lambda m: select(m.deal.c.stage, func.count(), func.sum(m.deal.c.amount)).group_by(m.deal.c.stage),
    "group by a label": lambda m: select(func.upper(m.deal.c.stage).label("s"), func.count()).group_by("s"),
    "having": lambda m: select(m.deal.c.stage).group_by(m.deal.c.stage).having(func.count() > 1),
    "an aggregate with a filter": lambda m: select(
        func.count().filter(m.deal.c.stage == "won"), func.sum(m.deal.c.amount).filter(m.deal.c.is_open)
    ).select_from(m.deal),
    "strings aggregated": lambda m: (
        select(m.deal.c.stage, func.aggregate_strings(m.deal.c.name, ", "))
        .where(m.deal.c.id < 3)
        .group_by(m.deal.c.stage)
    ),
    "row number": lambda m: select(m.deal.c.id, func.row_number().over(order_by=m.deal.c.amount.desc())),
    "rank in a partition": lambda m: select(
        m.deal.c.id, func.rank().over(partition_by=m.deal.c.stage, order_by=m.deal.c.amount)
    ),
    "a running total": _running,
    "a moving average": lambda m: select(
        m.deal.c.id, func.avg(m.deal.c.amount).over(order_by=m.deal.c.id, rows=(-1, 1))
    ),
    "a window over a range": lambda m: select(m.deal.c.id, func.sum(m.deal.c.id).over(order_by="id", range_=(None, 0))),
    "a window with exclusion": lambda m: select(
        m.deal.c.id, func.sum(m.deal.c.id).over(order_by=m.deal.c.id, rows=(None, None), exclude="CURRENT ROW")
    ),
    "lag and lead": lambda m: select(
        m.deal.c.id,
        func.lag(m.deal.c.amount).over(order_by=m.deal.c.id),
        func.lead(m.deal.c.amount, 1, 0).over(order_by=m.deal.c.id),
    ),
    "a window of a filtered aggregate": lambda m: select(
        m.deal.c.id, func.count().filter(m.deal.c.amount > 9).over(partition_by=m.deal.c.stage)
    ),
    "case": lambda m: select(sa.case((m.deal.c.amount > 50, "big"), (m.deal.c.amount > 5, "mid"), else_="small")),
    "case of a value": lambda m: select(sa.case({"won": 1, "lost": 0}, value=m.deal.c.stage)),
    "a sum of cases": lambda m: select(func.sum(sa.case((m.deal.c.stage == "won", m.deal.c.amount), else_=0))),
    "join": lambda m: select(m.deal.c.name, m.company.c.name).join(m.company, m.deal.c.company_id == m.company.c.id),
    "join by foreign key": lambda m: select(m.deal.c.name, m.company.c.city).join(m.company),
    "outer join": lambda m: select(m.company.c.name, m.deal.c.name).outerjoin(
        m.deal, sa.and_(m.deal.c.company_id == m.company.c.id, m.deal.c.stage == "lost")
    ),
    "join from": lambda m: select(m.deal.c.name).join_from(m.company, m.deal, m.deal.c.company_id == m.company.c.id),
    "join as an object": lambda m: select(m.deal.c.name).select_from(sa.outerjoin(m.deal, m.company)),
    "full join": lambda m: select(m.deal.c.name, m.company.c.name).select_from(
        m.deal.join(m.company, m.deal.c.company_id == m.company.c.id, full=True)
    ),
    "a join in parentheses": _grouped_join,
    "join, then other columns": lambda m: select(m.deal.c.id).join(m.company).with_only_columns(m.company.c.city),
    "more columns": lambda m: select(m.deal.c.id).add_columns(m.deal.c.name),
    "self join": _self_join,
    "an alias": lambda m: select(m.deal.alias("d").c.name),
    "an alias of an alias": lambda m: select(m.deal.alias().alias().c.name),
    "a derived table": lambda m: select(_per_stage(m).c.deals),
    "derived tables joined": _derived_twice,
    "a CTE": lambda m: select(select(m.deal.c.amount).cte("amounts").c.amount),
    "an unnamed CTE": lambda m: select(select(m.deal.c.amount).cte().c.amount),
    "chained CTEs": _chained_ctes,
    "an alias of a CTE": _cte_alias,
    "a CTE added": lambda m: select(m.deal.c.id).add_cte(select(m.company.c.id).cte("unused")),
    "a nested CTE": lambda m: select(select(m.deal.c.id).cte("inner_ids", nesting=True).select().subquery().c.id),
    "a recursive CTE over a relation": _children,
    "a recursive counter": _counter,
    "lateral": _lateral,
    "values in a CTE": _months,
    "values": lambda m: select(m.deal.c.name).join(
        (v := sa.values(sa.column("a", sa.Integer), name="v").data([(1,), (2,)])), v.c.a == m.deal.c.id
    ),
    "union": lambda m: sa.union(select(m.deal.c.name), select(m.company.c.name)),
    "union all, ordered and limited": lambda m: (
        sa.union_all(select(m.deal.c.name), select(m.company.c.name)).order_by("name").limit(4).offset(1)
    ),
    "a union ordered by a column, descending": lambda m: sa.union(select(m.deal.c.id), select(m.company.c.id)).order_by(
        sa.desc("id")
    ),
    "intersect": lambda m: sa.intersect(select(m.deal.c.id), select(m.company.c.id)),
    "except": lambda m: sa.except_(select(m.deal.c.id), select(m.company.c.id)),
    "a union in a derived table": lambda m: select(
        func.count(sa.union_all(select(m.deal.c.id), select(m.company.c.id)).subquery().c.id)
    ),
    "unions nested": _nested_unions,
    "limited branches of a union": lambda m: sa.union_all(
        select(select(m.deal.c.id).order_by(m.deal.c.id).limit(1).subquery().c.id),
        select(select(m.company.c.id).order_by(m.company.c.id.desc()).limit(1).subquery().c.id),
    ),
    "a union in a union": lambda m: sa.except_(
        sa.union(select(m.deal.c.id), select(m.company.c.id)),
        sa.union_all(select(m.company.c.id), select(sa.literal(5))),
    ),
    "distinct": lambda m: select(m.deal.c.stage).distinct(),
    "order by, nulls last": lambda m: select(m.company.c.city).order_by(m.company.c.city.asc().nulls_last()),
    "order by, nulls first, descending": lambda m: select(m.company.c.id).order_by(
        m.company.c.city.desc().nulls_first()
    ),
    "order by a label": lambda m: select((m.deal.c.amount * 2).label("twice"), m.deal.c.id).order_by(sa.desc("twice")),
    "order by the label of a column": lambda m: select(x := m.deal.c.amount.label("x")).order_by(x),
    "order by an expression": lambda m: select(m.deal.c.id).order_by(m.deal.c.amount % 7, m.deal.c.id),
    "limit and offset": lambda m: select(m.deal.c.id).order_by(m.deal.c.id).limit(2).offset(1),
    "slice": lambda m: select(m.deal.c.id).order_by(m.deal.c.id).slice(1, 3),
    "arithmetic": lambda m: select(m.deal.c.amount + 1 - 2 * m.deal.c.amount, -m.deal.c.amount, m.deal.c.amount % 7),
    "division": lambda m: select(m.deal.c.amount / 3, m.deal.c.amount // 3),
    "bits": lambda m: select(m.deal.c.amount.bitwise_and(2), m.deal.c.amount.bitwise_or(1), m.deal.c.id.bitwise_not()),
    "text joined": lambda m: select(m.deal.c.name + " · " + m.deal.c.stage),
    "literals": lambda m: select(sa.literal("x"), sa.literal(1.5), sa.literal(Decimal("2.50")), m.deal.c.id),
    "coalesce and nullif": lambda m: select(
        func.coalesce(m.company.c.city, "?"), func.nullif(m.company.c.city, "Berlin")
    ),
    "text functions": lambda m: select(
        func.lower(m.deal.c.name),
        func.length(m.deal.c.name),
        func.substr(m.deal.c.name, 1, 3),
        func.trim(m.deal.c.name),
        func.replace(m.deal.c.name, "Deal", "D"),
    ),
    "numeric functions": lambda m: select(func.abs(m.deal.c.amount - 50), func.round(m.deal.c.amount / 3.0)),
    "the present": lambda m: select(m.deal.c.id).where(
        func.current_timestamp().is_not(None), func.now().is_not(None), func.current_date() > date(2020, 1, 1)
    ),
    "parts of a date": lambda m: select(
        sa.extract("year", m.deal.c.closed_on), sa.extract("month", m.deal.c.created_at)
    ).where(m.deal.c.closed_on.is_not(None)),
    "a month as a group": lambda m: select(
        sa.extract("month", m.deal.c.closed_on).label("month"), func.count()
    ).group_by("month"),
    "cast": lambda m: select(
        sa.cast(m.deal.c.amount, sa.Numeric(12, 2)), sa.cast(m.deal.c.id, sa.String(10)), sa.cast("7", sa.Integer)
    ),
    "another type": lambda m: select(sa.type_coerce(m.deal.c.amount, sa.Integer), sa.type_coerce("x", sa.String)),
    "a label in Chinese": lambda m: select(m.deal.c.amount.label("金额 (€)")),
    "labels by table": lambda m: (
        select(m.deal, m.company).join(m.company).set_label_style(sa.LABEL_STYLE_TABLENAME_PLUS_COL)
    ),
    "JSON": lambda m: select(m.deal.c.extra["tier"].as_string(), m.deal.c.extra[("deep", "size")].as_integer()),
    "fetching in parts": lambda m: select(m.deal.c.id).execution_options(yield_per=2),
    "nothing of the relation": lambda m: select(sa.literal(1)).where(sa.exists().where(m.deal.c.id == 1)),
    "a collation": lambda m: select(m.deal.c.name).order_by(m.deal.c.name.collate("C")),
    "any of an array": lambda m: select(m.deal.c.id).where(
        m.deal.c.id == sa.any_(sa.literal([1, 2], sa.ARRAY(sa.Integer)))
    ),
    "all of a select": lambda m: select(m.deal.c.id).where(
        m.deal.c.id >= sa.all_(select(m.company.c.id).scalar_subquery())
    ),
    "an array": lambda m: select(postgresql.array([m.deal.c.id, m.deal.c.company_id])),
    "a part of an array": lambda m: select(postgresql.array([m.deal.c.id, 6, 7])[1:2]),
    "an element of an array": lambda m: select(postgresql.array([5, m.deal.c.id])[2]),
    "array_agg in order": lambda m: select(func.array_agg(m.deal.c.id).aggregate_order_by(m.deal.c.id.desc())),
    "a median": lambda m: select(func.percentile_cont(0.5).within_group(m.deal.c.amount)),
    "distinct on": lambda m: (
        select(m.deal.c.stage, m.deal.c.id)
        .ext(postgresql.distinct_on(m.deal.c.stage))
        .order_by(m.deal.c.stage, m.deal.c.id)
    ),
    "fetch first": lambda m: select(m.deal.c.id).order_by(m.deal.c.id).fetch(2),
    "a truncated date": lambda m: select(func.date_trunc("month", m.deal.c.created_at), m.deal.c.id),
    "greatest and least": lambda m: select(func.greatest(m.deal.c.id, 3), func.least(m.deal.c.id, 3)),
    "a collation of SQLite": lambda m: select(m.deal.c.name).order_by(m.deal.c.name.collate("NOCASE")),
    "strftime": lambda m: select(func.strftime("%Y-%m", m.deal.c.created_at), m.deal.c.id),
    "JSON by function": lambda m: select(func.json_extract(m.deal.c.extra, "$.tier")),
}

POSTGRESQL_ONLY = frozenset(
    [
        "a collation", "a median", "a part of an array", "a truncated date", "a union in a union", "all of a select",
        "an array", "an element of an array", "any of an array", "array_agg in order", "distinct on", "fetch first",
        "greatest and least", "lateral", "values",
    ]
)  # fmt: skip
SQLITE_ONLY = frozenset(["JSON by function", "a collation of SQLite", "strftime"])
