"""What caused what: from a cause back through the events that the ledger has kept."""

from __future__ import annotations

import re

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.jobs.limits import DEEPEST
from crmkit.core.storage.schema import Schema

__all__ = ["chain_of"]

_POSITION = re.compile(r"#(\d+)\Z")


def chain_of(connection: Connection, schema: Schema, cause: str) -> list[str]:
    """Return what led to *cause*, the oldest first: each step with the write that came before it."""
    ledger, chain = schema.system.ledger, [cause]
    # Each step takes one write and one cause; a ledger that somebody forged might go round in circles.
    while len(chain) <= 2 * (DEEPEST + 1) and (found := _POSITION.search(cause)):
        columns = (ledger.c.cause, ledger.c.entity, ledger.c.kind)
        row = connection.execute(sa.select(*columns).where(ledger.c.id == int(found[1]))).one_or_none()
        if row is None:
            break
        cause = row.cause
        chain += [f"{row.kind} {row.entity}", cause]
    return chain[::-1]
