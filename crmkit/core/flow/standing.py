"""How records stood at a moment that has passed: stages out of visits, money as it is now or as the ledger had it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from crmkit.core.entity import Record
from crmkit.core.money import Money
from crmkit.core.reading.reader import Reader
from crmkit.core.reading.transaction import Condition

__all__ = ["standing_then"]


def standing_then(
    db: Reader,
    entity: type[Record],
    pipeline: str,
    at: datetime,
    amount: str | None,
    amounts: str,
    where: Condition = None,
) -> dict[str, Mapping[str, Any]]:
    """Return by stage ``count`` and, with *amount*, its ``amount`` and how many were ``priced``, of one moment."""
    standing = _standing(db, entity, at, where)
    if amount is not None and amounts == "then":
        return _with_money_then(db, entity, standing, pipeline, at, amount)
    records = db.visible(entity)
    money = [sa.func.sum(records.c[amount]), sa.func.count(records.c[amount])] if amount else []
    statement = sa.select(standing.c.stage, sa.func.count(), *money)
    joined = standing.join(records, records.c.id == standing.c.record_id)
    rows = db.execute(_of(statement.select_from(joined), standing, pipeline).group_by(standing.c.stage))
    return {row[0]: dict(zip(("count", "amount", "priced"), row[1:], strict=False)) for row in rows}


def _standing(db: Reader, entity: type[Record], at: datetime, where: Condition) -> sa.Subquery:
    """Return in which stage of which pipeline each record stood; of an import that tells two, the last."""
    visits = db.visible_visits(entity, where)
    place = sa.func.row_number().over(partition_by=visits.c.record_id, order_by=visits.c.id.desc())
    columns = (visits.c.record_id, visits.c.pipeline, visits.c.stage, place.label("place"))
    stood = visits.c.entered_at <= at, sa.or_(visits.c.left_at.is_(None), visits.c.left_at > at)
    return sa.select(*columns).where(*stood).subquery()


def _of(statement: sa.Select[Any], standing: sa.Subquery, pipeline: str) -> sa.Select[Any]:
    return statement.where(standing.c.place == 1, standing.c.pipeline == pipeline)


def _with_money_then(
    db: Reader, entity: type[Record], standing: sa.Subquery, pipeline: str, at: datetime, amount: str
) -> dict[str, Mapping[str, Any]]:
    money = db.visible_money(entity, amount, at)
    no_text, no_number = sa.literal(None, sa.String()), sa.literal(None, sa.BigInteger())
    stages = sa.select(standing.c.record_id, standing.c.stage, no_text.label("currency"), no_number.label("minor"))
    held = sa.select(money.c.record_id, no_text, money.c.currency, money.c.minor)
    # Laid on top of each other and grouped, as databases join two derived tables row by row.
    both = sa.union_all(_of(stages, standing, pipeline), held).subquery()
    names = ("stage", "currency", "minor")
    each = sa.select(*(sa.func.max(both.c[name]).label(name) for name in names)).group_by(both.c.record_id).subquery()
    counted = sa.select(each.c.stage, each.c.currency, sa.func.count(), sa.func.sum(each.c.minor))
    statement = counted.where(each.c.stage.is_not(None)).group_by(each.c.stage, each.c.currency)
    found: dict[str, Any] = {}
    rows: Sequence[Any] = db.execute(statement).all()
    for stage, currency, number, minor in rows:
        lane = found.setdefault(stage, {"count": 0, "amount": Decimal(0), "priced": 0})
        lane["count"] += number
        base = None if currency is None else db.in_base(Money(int(minor), currency), at.date())
        if base is not None:
            lane["amount"] += base.amount
            lane["priced"] += number
    return found
