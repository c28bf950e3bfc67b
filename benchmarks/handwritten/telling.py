"""An outbox by hand: rows of the ledger become rows of a queue, and a loop leases, calls and deletes them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from uuid_utils.compat import uuid7

from crmkit import CRM

__all__ = ["Clerk"]

_BATCH = 500
_AT_ONCE = 32
_COLUMNS = (
    "id, kind, name, plugin, state, priority, run_at, created_at, attempts, tries, is_suspect, fence, payload, cause,"
    " depth"
)


class Clerk:
    """Tells and delivers for one subscriber of one company."""

    def __init__(self, crm: CRM) -> None:
        """Write the statements."""
        self._storage = crm.storage
        self._lite = crm.storage.is_sqlite
        lock = "" if self._lite else " FOR UPDATE SKIP LOCKED"
        self._position = sa.text(f"SELECT position FROM core_checkpoint WHERE key = 'core.events'{lock}")
        self._next = sa.text(
            "SELECT id, at, principal_id, entity, record_id, kind, cause, depth FROM core_ledger"
            " WHERE id > :position AND entity = 'trade.deal' ORDER BY id LIMIT :most"
        )
        values = ", ".join(f":{name.strip()}" for name in _COLUMNS.split(","))
        payload = ":payload" if self._lite else "CAST(:payload AS JSONB)"
        self._insert = sa.text(f"INSERT INTO core_job ({_COLUMNS}) VALUES ({values.replace(':payload', payload)})")
        self._move = sa.text("UPDATE core_checkpoint SET position = :position WHERE key = 'core.events'")
        self._due = sa.text(
            "SELECT id, payload FROM core_job WHERE state = 'ready' AND priority = 1 AND run_at <= :now"
            f" ORDER BY run_at, id LIMIT {_AT_ONCE}{lock}"
        )
        self._take = sa.text(
            "UPDATE core_job SET state = 'running', leased_until = :until, attempts = attempts + 1 WHERE id IN :ids"
        ).bindparams(sa.bindparam("ids", expanding=True))
        self._done = sa.text("DELETE FROM core_job WHERE id IN :ids").bindparams(sa.bindparam("ids", expanding=True))

    def tell(self) -> None:
        """Make a delivery of every change of a deal that nobody was told of."""
        while self._tell_some():
            pass

    def _tell_some(self) -> bool:
        now = self._moment(datetime.now(UTC))
        with self._storage.writing() as connection:
            position = connection.execute(self._position).scalar_one()
            rows = connection.execute(self._next, {"position": position, "most": _BATCH}).all()
            told = [self._delivery(row, now) for row in rows if row.kind == "update"]
            if told:
                connection.execute(self._insert, told)
            if rows:
                connection.execute(self._move, {"position": rows[-1].id})
        return bool(rows)

    def _delivery(self, row: Any, now: Any) -> dict[str, Any]:
        payload = {
            "position": row.id,
            "entity": row.entity,
            "record_id": row.record_id.hex() if self._lite else str(row.record_id),
            "kind": row.kind,
            "at": str(row.at),
            "principal_id": None,
            "cause": row.cause,
            "depth": row.depth,
            "version": 1,
        }
        id_ = uuid7()
        return {
            "id": id_.bytes if self._lite else id_,
            "kind": "delivery",
            "name": "ear.listen",
            "plugin": "ear",
            "state": "ready",
            "priority": 1,
            "run_at": now,
            "created_at": now,
            "attempts": 0,
            "tries": 8,
            "is_suspect": False,
            "fence": 0,
            "payload": json.dumps(payload),
            "cause": f"core.record_changed #{row.id}",
            "depth": row.depth + 1,
        }

    def drain(self) -> None:
        """Deliver everything."""
        while self._deliver_some():
            pass

    def _deliver_some(self) -> bool:
        now = datetime.now(UTC)
        with self._storage.writing() as connection:
            due = connection.execute(self._due, {"now": self._moment(now)}).all()
            ids = [row.id for row in due]
            if due:
                connection.execute(self._take, {"until": self._moment(now + timedelta(minutes=1)), "ids": ids})
        for row in due:
            self._hear(json.loads(row.payload) if self._lite else row.payload)
        if due:
            with self._storage.writing() as connection:
                connection.execute(self._done, {"ids": ids})
        return bool(due)

    def _hear(self, told: dict[str, Any]) -> None:
        """Do what the subscriber does: nothing."""

    def _moment(self, value: datetime) -> Any:
        return value.isoformat(timespec="microseconds") if self._lite else value
