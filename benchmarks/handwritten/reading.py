"""Lists, counts and sums as SQL; where two statements could be the better one, both are given and the faster counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from time import perf_counter
from typing import Any
from uuid import UUID

import attrs
import sqlalchemy as sa

from benchmarks.world.opening import World
from benchmarks.world.people import Member

__all__ = ["LIMIT", "Eyes", "Hand", "best_of"]

Rows = Sequence[Any]
LIMIT = 50
_SHARED = "SELECT record_id FROM core_share WHERE record_entity = 'trade.deal' AND user_id = :me AND deleted_at IS NULL"


@attrs.frozen(eq=False)
class Eyes:
    """What one person sees, as disjoint conditions that each walk one index, and their parameters.

    Whoever wrote this by hand would have looked up the teams once, as crmkit does.
    """

    branches: tuple[str, ...]
    whole: str
    parameters: dict[str, Any]


@attrs.frozen(eq=False)
class Hand:
    """Hand-written statements on the connections of *world*."""

    world: World

    @property
    def is_sqlite(self) -> bool:
        """Whether SQLite runs them."""
        return self.world.crm.storage.is_sqlite

    def id(self, value: UUID) -> Any:
        """Return *value* as the driver takes it."""
        return value.bytes if self.is_sqlite else value

    def columns(self, table: str = "trade_deal") -> str:
        """Return all columns of *table*, spelled out."""
        return ", ".join(f"{table}.{column.name}" for column in self.world.crm.schema.tables[table].columns)

    def administrator(self) -> Eyes:
        """Return the eyes that see everything."""
        return Eyes(("1 = 1",), "1 = 1", {})

    def scoped(self, member: Member, *, shared: bool) -> Eyes:
        """Return the eyes of *member*, who sees own records, those of the team and below, and perhaps shares."""
        teams = self.world.people.subtree(member)
        marks = [f":team_{n}" for n in range(len(teams))]
        unowned = "owner_id IS NOT :me" if self.is_sqlite else "owner_id IS DISTINCT FROM :me"
        inside = f"team_id IN ({', '.join(marks)})"
        branches = ["owner_id = :me", *(f"team_id = {mark} AND {unowned}" for mark in marks)]
        whole = f"owner_id = :me OR {inside}"
        if shared:
            branches.append(f"id IN ({_SHARED}) AND {unowned} AND (team_id IS NULL OR NOT {inside})")
            whole += f" OR id IN ({_SHARED})"
        parameters = {f"team_{n}": self.id(team) for n, team in enumerate(teams)} | {"me": self.id(member.id)}
        return Eyes(tuple(branches), f"({whole})", parameters)

    def run(self, statement: str, parameters: dict[str, Any]) -> Callable[[], Rows]:
        """Return what executes *statement* on a connection of the pool and fetches all rows."""
        text, storage = sa.text(statement), self.world.crm.storage

        def run() -> Rows:
            with storage.reading() as connection:
                return connection.execute(text, parameters).fetchall()

        return run

    def page(
        self,
        eyes: Eyes,
        order: str,
        where: str = "1 = 1",
        *,
        tables: str = "trade_deal",
        limit: int = LIMIT,
        **parameters: Any,
    ) -> Callable[[], Rows]:
        """Return a list's page: every branch walks an index in *order*, the database merges them.

        With *order* over other tables (``tables`` joins them), its columns are selected beside those of the deal.
        """
        keys = [term.split()[0] for term in order.split(", ")]
        extra = "".join(f", {key} AS key_{n}" for n, key in enumerate(keys))
        sorted_by = ", ".join(f"key_{n} {term.split()[1]}" for n, term in enumerate(order.split(", ")))
        select = f"SELECT {self.columns()}{extra} FROM {tables} WHERE trade_deal.deleted_at IS NULL AND {where} AND "
        merged = " UNION ALL ".join(select + branch for branch in eyes.branches)
        return self.run(f"{merged} ORDER BY {sorted_by} LIMIT {limit}", {**eyes.parameters, **parameters})

    def gathered(
        self,
        eyes: Eyes,
        order: str,
        where: str,
        *,
        tables: str = "trade_deal",
        limit: int = LIMIT,
        **parameters: Any,
    ) -> Callable[[], Rows]:
        """Return a list's page found from the condition: what *where* gives is filtered by visibility, then sorted."""
        statement = (
            f"SELECT {self.columns()} FROM {tables} WHERE trade_deal.deleted_at IS NULL AND {where}"
            f" AND {eyes.whole} ORDER BY {order} LIMIT {limit}"
        )
        return self.run(statement, {**eyes.parameters, **parameters})


def best_of(candidates: Iterable[Callable[[], Rows]]) -> Callable[[], Rows]:
    """Return the fastest of *candidates*, which do the same."""
    made = list(candidates)
    times = [min(_timed(candidate) for _n in range(3)) for candidate in made]
    return made[times.index(min(times))]


def _timed(candidate: Callable[[], Rows]) -> float:
    start = perf_counter()
    candidate()
    return perf_counter() - start
