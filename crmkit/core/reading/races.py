"""Statements that give the same rows, of which only the data tell the fastest: on SQLite they race.

Each gets a number of steps of SQLite's virtual machine; whoever does not finish is interrupted, and the next one gets
more. So a list costs a small multiple of its best statement, whatever it holds, and no statistics need to be kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.storage.prepared import Prepared, Row

__all__ = ["Race"]

# About a millisecond for a page of fifty.
_STEPS = 20_000
_STEPS_PER_ROW = 200
_FACTOR = 4


@attrs.define(eq=False)
class Race:
    """The *statements* of one list, each compiled for its first turn; the one that won last begins.

    With *by_value* PostgreSQL plans anew at each run.
    """

    statements: Sequence[sa.Select[Any] | sa.CompoundSelect[Any]]
    dialect: sa.Dialect
    by_value: bool = False
    first: int = 0
    _prepared: dict[int, Prepared] = attrs.field(factory=dict)

    def rows(self, connection: Connection, given: Mapping[str, Any], limit: int | None) -> list[Row]:
        """Return all rows, *limit* at most, of the statement that finishes first."""
        number, turn = len(self.statements), self.first
        if number == 1:
            return self._turn(0).rows(connection, given)
        steps = _STEPS + _STEPS_PER_ROW * (limit or 0)
        while True:
            rows = self._turn(turn).rows_within(steps, connection, given)
            if rows is not None:
                self.first = turn
                return rows
            turn, steps = (turn + 1) % number, steps * _FACTOR

    def _turn(self, turn: int) -> Prepared:
        found = self._prepared.get(turn)
        if found is None:
            found = self._prepared[turn] = Prepared(self.statements[turn], self.dialect, by_value=self.by_value)
        return found
