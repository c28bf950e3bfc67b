"""Percentiles of durations by group, as one statement that both databases run.

SQLite has no function for it. The values of each group are numbered in order, and the one at the wanted place is the
percentile by nearest rank (NIST Handbook 148, Hyndman and Fan's type 1): a value that occurred, never one between two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

__all__ = ["with_percentiles"]


def with_percentiles(values: sa.Subquery, percents: Sequence[int]) -> sa.Select[Any]:
    """Return the statement that gives of *values* for each group how many there are, their sum and each percentile.

    *values* has a column ``seconds``; all its other columns make the group.
    """
    keys = [column for column in values.c if column.name != "seconds"]
    place = sa.func.row_number().over(partition_by=keys, order_by=values.c.seconds)
    number = sa.func.count().over(partition_by=keys)
    numbered = sa.select(*values.c, place.label("place"), number.label("number")).subquery()
    groups = [numbered.c[key.name] for key in keys]
    found = [
        sa.func.max(sa.case((numbered.c.place == (numbered.c.number * percent + 99) // 100, numbered.c.seconds)))
        for percent in percents
    ]
    return sa.select(*groups, sa.func.count(), sa.func.sum(numbered.c.seconds), *found).group_by(*groups)
