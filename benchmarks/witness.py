"""What a call has written: every row that it added or changed, told so that two calls can be compared."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from benchmarks.world.opening import World
from crmkit.core.verifying.ledger import verify_ledger

__all__ = ["Witness", "Written"]

# Human numbers, and the external ids that an import reads.
_NUMBER = re.compile(r"(D-\d{6,}|OPP-\d{7,})\Z")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


@attrs.frozen
class Written:
    """How many rows each table has more, and the rows of the records that were written.

    Ids and numbers that the call made, and the moment at which it ran, are replaced by words; salts and digests by
    their lengths. *transactions* counts the rows of the outbox.
    """

    counts: Mapping[str, int]
    ledger: Sequence[Mapping[str, Any]]
    records: Mapping[str, Sequence[Mapping[str, Any]]]
    transactions: int


class Witness:
    """Watches calls on *world*."""

    def __init__(self, world: World) -> None:
        """Look at nothing yet."""
        self._storage, self._schema = world.crm.storage, world.crm.schema
        deal, side = self._schema.tables["trade_deal"], self._schema.tables["loyalty_trade_deal"]
        system = self._schema.system
        beside = (system.stage_visit, system.external_id, system.search_document)
        self._keys = [deal.c.id, side.c.record_id, *(table.c.record_id for table in beside)]

    def of(self, call: Callable[[], object]) -> Written:
        """Run *call* and return what it has written.

        Raises:
            LedgerBrokenError: it broke the chain of the ledger.
        """
        started = datetime.now(UTC)
        before, last = self._counts(), self._last()
        call()
        after = self._counts()
        with self._storage.reading() as connection:
            verify_ledger(connection, self._schema)
            rows = list(self._ledger(connection, last))
            told = _Words(started, last, [row["record_id"] for row in rows])
            records = {key.table.name: self._rows(connection, key, told) for key in self._keys}
        grown = {name: after[name] - number for name, number in before.items()}
        outbox = grown.pop("core_outbox")
        return Written(grown, [told.of(row) for row in rows], records, outbox)

    def _counts(self) -> dict[str, int]:
        with self._storage.reading() as connection:
            tables = self._schema.metadata.tables.values()
            return {t.name: connection.scalar(sa.select(sa.func.count()).select_from(t)) or 0 for t in tables}

    def _last(self) -> int:
        with self._storage.reading() as connection:
            return connection.scalar(sa.select(self._schema.system.ledger_head.c.last_id)) or 0

    def _ledger(self, connection: Connection, last: int) -> Iterator[dict[str, Any]]:
        ledger, payload = self._schema.system.ledger, self._schema.system.ledger_payload
        joined = ledger.join(payload, payload.c.ledger_id == ledger.c.id)
        found = sa.select(ledger, payload.c.salt, payload.c.changes).select_from(joined).where(ledger.c.id > last)
        for row in connection.execute(found.order_by(ledger.c.id)).mappings():
            yield {**row, "changes": json.loads(row["changes"])}

    def _rows(self, connection: Connection, key: sa.Column[Any], told: _Words) -> list[dict[str, Any]]:
        ids, rows = list(told.ids), list[Any]()
        for start in range(0, len(ids), 500):
            rows += connection.execute(sa.select(key.table).where(key.in_(ids[start : start + 500]))).mappings()
        # The keys of visits count by themselves, and say in which order a record's visits came.
        rows.sort(key=lambda row: (told.ids[row[key.name]], row.get("id") if key.name != "id" else 0))
        return [told.of({n: v for n, v in row.items() if n != "id" or key.name == "id"}) for row in rows]


class _Words:
    """What stands for the values that no two calls share."""

    def __init__(self, started: datetime, last: int, records: Sequence[UUID]) -> None:
        self._started, self._last = started, last
        self.ids = {id_: place for place, id_ in enumerate(dict.fromkeys(records))}
        self._texts = {str(id_): f"record {place}" for id_, place in self.ids.items()}

    def of(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return *row* in words."""
        told = {name: self._value(value) for name, value in row.items()}
        if "digest" in told:
            told["id"] -= self._last
        return told

    def _value(self, value: Any) -> Any:
        match value:
            case UUID():
                return self._texts.get(str(value), value)
            case datetime():
                return "now" if value >= self._started else value
            case bytes():
                return len(value)
            case str():
                return self._text(value)
            case list():
                return [self._value(part) for part in value]
            case dict():
                return {name: self._value(part) for name, part in value.items()}
            case _:
                return value

    def _text(self, value: str) -> Any:
        if _NUMBER.match(value):
            return "number"
        if _MOMENT.match(value):
            return self._value(datetime.fromisoformat(value))
        return self._texts.get(value, value)


def first_difference(ours: Any, theirs: Any, where: str = "") -> str:
    """Return where two tellings differ first; empty if nowhere."""
    if type(ours) is type(theirs) and isinstance(ours, dict):
        pairs: Any = [(name, ours.get(name), theirs.get(name)) for name in {**ours, **theirs}]
    elif type(ours) is type(theirs) and isinstance(ours, (list, tuple)) and len(ours) == len(theirs):
        pairs = [(place, *both) for place, both in enumerate(zip(ours, theirs, strict=True))]
    else:
        return "" if ours == theirs else f"{where}: {str(ours)[:300]} / {str(theirs)[:300]}"
    found = (first_difference(mine, other, f"{where}.{name}") for name, mine, other in pairs)
    return next(filter(None, found), "")
