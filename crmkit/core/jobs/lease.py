"""Work that one worker has, for a while."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import attrs

__all__ = ["LEASE", "Kind", "Lease", "State", "Waiting"]

Kind = Literal["delivery", "job", "schedule"]
State = Literal["ready", "running", "done", "dead", "cancelled"]
#: How long a worker has what it took without a sign of life.
LEASE = timedelta(seconds=60)


@attrs.frozen
class Lease:
    """One row of the lease table as its worker took it; *fence* tells this lease from earlier and later ones."""

    id: UUID
    kind: Kind
    name: str
    plugin: str
    payload: Any
    attempts: int
    tries: int
    fence: int
    principal_id: UUID | None
    scopes: Sequence[str] | None
    cause: str
    depth: int
    run_at: datetime
    traces: Sequence[str] | None


@attrs.frozen
class Waiting:
    """One row of the lease table that nobody has; once it was leased or put off, it is another."""

    id: UUID
    fence: int
    run_at: datetime
