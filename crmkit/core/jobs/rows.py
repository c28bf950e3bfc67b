"""Rows of the lease table before anybody has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from crmkit.core.ids import new_id
from crmkit.core.jobs.job import PRIORITIES, Priority
from crmkit.core.jobs.lease import Kind
from crmkit.core.jobs.limits import AUTOMATIONS, TRIES
from crmkit.core.policy.scopes import Scopes

__all__ = ["MOST_CAUSE", "caused_by", "new_row"]

#: How long the cause of a row of the ledger may be.
MOST_CAUSE = 200


def new_row(
    kind: Kind,
    name: str,
    payload: Any,
    now: datetime,
    *,
    run_at: datetime | None = None,
    key: str | None = None,
    priority: Priority = "normal",
    tries: int = TRIES,
    principal_id: UUID | None = None,
    scopes: Scopes | None = None,
    cause: str = "",
    depth: int = 0,
    traces: Sequence[str] = (),
) -> Mapping[str, Any]:
    """Return a row that is ready to be leased from *run_at* on, or at once."""
    return {
        "id": new_id(),
        "kind": kind,
        "name": name,
        "plugin": AUTOMATIONS if name.startswith(f"{AUTOMATIONS}:") else name.partition(".")[0],
        "key": key,
        "state": "ready",
        "priority": PRIORITIES.index(priority),
        "run_at": run_at or now,
        "again_at": None,
        "created_at": now,
        "finished_at": None,
        "attempts": 0,
        "tries": tries,
        "is_suspect": False,
        "owner": None,
        "leased_until": None,
        "fence": 0,
        "payload": payload,
        "principal_id": principal_id,
        "scopes": None if scopes is None else sorted(scopes),
        "cause": cause,
        "depth": depth,
        "error": None,
        "details": None,
        "progress": None,
        "traces": list(traces) or None,
    }


def caused_by(name: str, cause: str) -> str:
    """Return what the ledger says of writes by the work *name* that *cause* has caused.

    The position of the event at the end of *cause* stays, however long it is: by it one finds what caused that.
    """
    told = f"{name} < {cause}"
    if len(told) <= MOST_CAUSE:
        return told
    end = cause.rpartition(" ")[2][:30]
    return f"{told[: MOST_CAUSE - len(end) - 3]} … {end}"
