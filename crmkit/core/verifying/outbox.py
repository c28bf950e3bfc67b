"""Whether the outbox announces every row of the ledger, once."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.forgetting.outbox import FORGOTTEN
from crmkit.core.storage.schema import Schema
from crmkit.core.text import gettext as _
from crmkit.core.verifying.findings import Finding

__all__ = ["examine_outbox"]

_MOST = 100


def examine_outbox(connection: Connection, schema: Schema) -> Iterator[Finding]:
    """Yield the rows of the outbox that do not follow the one before, and the ledger rows that none announces.

    Rows that were told long ago are missing where they were forgotten.
    """
    outbox, head, checkpoint = schema.system.outbox, schema.system.ledger_head, schema.system.checkpoint
    reached = sa.select(checkpoint.c.position).where(checkpoint.c.key == FORGOTTEN)
    forgotten = connection.scalar(reached) or 0
    before = sa.func.lag(outbox.c.last_id, 1, 0).over(order_by=outbox.c.first_id).label("before")
    spans = sa.select(outbox.c.first_id, outbox.c.last_id, before).subquery()
    is_forgotten = sa.and_(spans.c.first_id > spans.c.before, spans.c.first_id <= forgotten + 1)
    follows = sa.or_(spans.c.first_id == spans.c.before + 1, is_forgotten)
    wrong = sa.or_(~follows, spans.c.last_id < spans.c.first_id)
    for first, last, previous in connection.execute(sa.select(spans).where(wrong).limit(_MOST)):
        yield _finding(first, last, previous)
    announced = connection.scalar(sa.select(sa.func.max(outbox.c.last_id))) or 0
    newest = connection.scalar(sa.select(sa.func.max(head.c.last_id))) or 0
    if announced != newest:
        yield _finding(newest + 1, newest, announced)


def _finding(first: int, last: int, previous: int) -> Finding:
    message = _("announces the ledger from {first} to {last}, but the one before ends with {previous}")
    mend = _("Compare core_outbox with a restored backup; what is not announced is not delivered to anybody.")
    return Finding(
        "outbox", "core_outbox", str(first), message, mend, {"first": first, "last": last, "previous": previous}
    )
