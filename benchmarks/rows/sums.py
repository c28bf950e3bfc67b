"""Funnels, counts and other sums, for a salesperson, a manager and an administrator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs
import sqlalchemy as sa

from benchmarks.figures import Figure, taking_turns
from benchmarks.handwritten.reading import Hand, grouped
from benchmarks.harness import Comparison
from benchmarks.rows.viewers import Viewer, viewers
from benchmarks.world.opening import World
from benchmarks.world.trade.entities import Deal
from crmkit import average, count, total

__all__ = ["figures"]


@attrs.frozen
class _Sum:
    """One question: what crmkit is asked, and the column and its condition that SQL has for it.

    *money* is the sum of the amounts beside the count.
    """

    group: str
    name: str
    by: str = ""
    where: str | None = None
    sql: tuple[str, str] = ("1", "= 1")
    money: bool = True
    most: float | None = None


_QUESTIONS = (
    _Sum("funnel", "", by="stage", most=1.5),
    _Sum("count", "all", money=False),
    _Sum("count", "stage engaging", where='stage == "engaging"', sql=("stage", "= 'engaging'"), money=False),
    _Sum("count", "amount from 50,000", where="amount >= 50000", sql=("amount_base", ">= 5000000"), money=False),
    _Sum("count", "source (no index)", where='source == "web"', sql=("source", "= 'web'"), money=False),
    _Sum("aggregate", "sum of all amounts"),
    _Sum("aggregate", "sum of open deals", where='stage_kind == "open"', sql=("stage_kind", "= 'open'")),
    _Sum("aggregate", "sum by source (no index)", by="source"),
    _Sum("aggregate", "sum by owner", by="owner_id"),
    _Sum(
        "aggregate",
        "sum of open deals by expected close",
        by="expected_close_on",
        where='stage_kind == "open"',
        sql=("stage_kind", "= 'open'"),
    ),
)


def figures(world: World) -> Iterator[Figure]:
    """Yield the figures."""
    hand = Hand(world)
    for question in _QUESTIONS:
        for viewer in viewers(hand):
            name = f"{viewer.name}, {question.name}" if question.name else viewer.name
            yield Figure(question.group, name, _measure(hand, viewer, question, _asking), most=question.most)
            if question.group == "funnel":
                yield Figure(question.group, f"{name}, own statement", _measure(hand, viewer, question, _stating))
    yield Figure("aggregate", "salesperson, average amount by stage", lambda: _averages(hand, viewers(hand)[0]))


# Groups and their numbers: a group's value, the count, the sum in cents.
Groups = Mapping[Any, tuple[int, int]]
_Way = Callable[[Hand, Viewer, _Sum], Callable[[], Any]]


def _measure(hand: Hand, viewer: Viewer, question: _Sum, way: _Way) -> Callable[[], Comparison]:
    def measure() -> Comparison:
        columns = {"amount": "amount_base"} if question.money else {}
        theirs = grouped(hand, viewer.eyes, where=hand.either(*question.sql), by=question.by, measures=columns)
        return taking_turns(way(hand, viewer, question), theirs, _same(hand, question))()

    return measure


def _asking(hand: Hand, viewer: Viewer, question: _Sum) -> Callable[[], Any]:
    """Return what asks for groups as a plugin does."""
    crm, principal = hand.world.crm, hand.world.principal(viewer.member)
    measures = {"n": count()} | ({"amount": total("amount")} if question.money else {})
    by = [question.by] if question.by else []

    def ask() -> Any:
        with crm.read(principal) as db:
            if question.money:
                return db.aggregate(Deal, group_by=by, measures=measures, where=question.where)
            return [{"n": db.count(Deal, question.where)}]

    return ask


def _stating(hand: Hand, viewer: Viewer, question: _Sum) -> Callable[[], Any]:
    """Return what runs a statement of one's own on the safe relation."""
    crm, principal = hand.world.crm, hand.world.principal(viewer.member)

    def ask() -> Any:
        with crm.read(principal) as db:
            seen = db.visible(Deal)
            group = seen.c[question.by]
            sums = sa.func.count().label("n"), sa.func.sum(seen.c.amount).label("amount")
            return db.execute(sa.select(group, *sums).group_by(group)).mappings().all()

    return ask


def _averages(hand: Hand, viewer: Viewer) -> Comparison:
    crm, principal = hand.world.crm, hand.world.principal(viewer.member)

    def ours() -> Any:
        with crm.read(principal) as db:
            return db.aggregate(Deal, group_by=["stage"], measures={"mean": average("amount")})

    sums = {"amount": "amount_base", "valued": "CASE WHEN amount_base IS NULL THEN 0 ELSE 1 END"}
    theirs = grouped(hand, viewer.eyes, by="stage", measures=sums)
    return taking_turns(ours, theirs, _same_means)()


def _same_means(ours: Any, theirs: Any) -> bool:
    means = {row.stage: float(row.amount) / float(row.valued) / 100 for row in theirs}
    return all(abs(float(row["mean"]) - float(means.pop(row["stage"]))) < 0.01 for row in ours) and not means


def _same(hand: Hand, question: _Sum) -> Callable[[Any, Any], bool]:
    def mine(row: Mapping[str, Any]) -> tuple[Any, int, int]:
        return _key(hand, row[question.by]) if question.by else None, row["n"], int((row.get("amount") or 0) * 100)

    def other(row: Any) -> tuple[Any, int, int]:
        key = getattr(row, question.by) if question.by else None
        return key, row.n, int(row.amount or 0) if question.money else 0

    def same(ours: Any, theirs: Any) -> bool:
        return {mine(row) for row in ours} == {other(row) for row in theirs}

    return same


def _key(hand: Hand, value: Any) -> Any:
    """Return a group's value as the driver has it."""
    if hasattr(value, "bytes"):
        return hand.id(value)
    return hand.day(value) if hasattr(value, "isoformat") else value
