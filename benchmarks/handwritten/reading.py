"""Lists, counts and sums as SQL; where two statements could be the better one, both are given and the faster counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from functools import cached_property
from time import perf_counter
from typing import Any
from uuid import UUID

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from benchmarks.world.opening import World
from benchmarks.world.people import Member
from crmkit.core.storage.columns import uuid_from_bytes

__all__ = ["LIMIT", "Eyes", "Hand", "Rows", "best_of", "grouped"]

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


@attrs.frozen(eq=False, slots=False)
class Hand:
    """Hand-written statements on the connections of *world*."""

    world: World

    @cached_property
    def is_sqlite(self) -> bool:
        """Whether SQLite runs them."""
        return self.world.crm.storage.is_sqlite

    def id(self, value: UUID) -> Any:
        """Return *value* as the driver takes it."""
        return value.bytes if self.is_sqlite else value

    def uuid(self, value: Any) -> UUID:
        """Return the id that the driver gave."""
        return uuid_from_bytes(value) if self.is_sqlite else value

    def moment(self, value: datetime) -> Any:
        """Return *value*, in UTC, as the driver takes it."""
        return value.isoformat(timespec="microseconds") if self.is_sqlite else value

    def day(self, value: date) -> Any:
        """Return *value* as the driver takes it."""
        return value.isoformat() if self.is_sqlite else value

    def read_moment(self, value: Any) -> datetime:
        """Return the moment that the driver gave."""
        return datetime.fromisoformat(value) if self.is_sqlite else value

    def read_day(self, value: Any) -> date | None:
        """Return the day that the driver gave."""
        return date.fromisoformat(value) if self.is_sqlite and value is not None else value

    def lock(self, strength: str) -> str:
        """Return the words that lock the rows a statement reads; on SQLite the transaction already does."""
        return "" if self.is_sqlite else f" FOR {strength}"

    def hinted(self, column: str) -> list[str]:
        """Return *column*, and on SQLite also as no index is used for it."""
        return [column, f"+{column}"] if self.is_sqlite else [column]

    def either(self, column: str, condition: str) -> list[str]:
        """Return *condition* on each of :meth:`hinted`."""
        return [f"{name} {condition}" for name in self.hinted(column)]

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

    def run(self, statement: str, parameters: dict[str, Any]) -> Callable[..., Rows]:
        """Return what executes *statement* on a connection of the pool and fetches all rows."""
        text, storage = sa.text(statement), self.world.crm.storage

        def run(**more: Any) -> Rows:
            with storage.reading() as connection:
                return connection.execute(text, {**parameters, **more} if more else parameters).fetchall()

        return run

    def among(self, start: str, end: str = "") -> Callable[..., Rows]:
        """Return what runs *start* and *end*, between them the test whether a value is one of many, and fetches all."""
        if self.is_sqlite:
            statement = sa.text(f"{start} IN :values{end}").bindparams(sa.bindparam("values", expanding=True))
        else:
            statement = sa.text(f"{start} = ANY(:values){end}")

        def run(connection: Connection, values: Sequence[Any], **parameters: Any) -> Rows:
            return connection.execute(statement, {"values": values, **parameters}).fetchall() if values else []

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
        parts = [select + branch for branch in eyes.branches]
        if len(parts) > 1 and not self.is_sqlite:
            # PostgreSQL merges what is limited, and sorts anything else whole.
            parts = [f"({part} ORDER BY {order} LIMIT {limit})" for part in parts]
        merged = " UNION ALL ".join(parts)
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


def grouped(
    hand: Hand, eyes: Eyes, *, where: Sequence[str] = ("1 = 1",), by: str = "", measures: dict[str, str] | None = None
) -> Callable[..., Rows]:
    """Return the count, and the sum of each of *measures* (a name and its column), by the column *by*, if there is one.

    *where* are conditions of which the fastest counts. Either everything that is visible is grouped, or each branch
    of it, which one index may answer, and then the groups.
    """
    sums = {"n": "count(*)", **{name: f"sum({column})" for name, column in (measures or {}).items()}}
    added = ", ".join(f"sum({name}) AS {name}" for name in sums)
    first, group = (f"{by}, ", f" GROUP BY {by}") if by else ("", "")
    select = f"SELECT {first}{', '.join(f'{what} AS {name}' for name, what in sums.items())} FROM trade_deal"

    def statements() -> Iterator[str]:
        for condition in where:
            kept = f"{select} WHERE deleted_at IS NULL AND {condition} AND "
            yield f"{kept}{eyes.whole}{group}"
            merged = " UNION ALL ".join(f"{kept}{branch}{group}" for branch in eyes.branches)
            yield f"SELECT {first}{added} FROM ({merged}) AS parts{group}"

    return best_of(hand.run(statement, eyes.parameters) for statement in statements())


def best_of(candidates: Iterable[Callable[..., Rows]]) -> Callable[..., Rows]:
    """Return the fastest of *candidates*, which do the same."""
    made = list(candidates)
    times = [min(_timed(candidate) for _n in range(3)) for candidate in made]
    return made[times.index(min(times))]


def _timed(candidate: Callable[[], Rows]) -> float:
    start = perf_counter()
    candidate()
    return perf_counter() - start
