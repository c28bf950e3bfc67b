"""What must be true of a database whatever happened to whoever wrote to it."""

from __future__ import annotations

import sqlalchemy as sa

from crmkit import CRM
from crmkit.core.verifying.ledger import verify_ledger
from tests.faults.till import Order


def check_agreement(crm: CRM) -> dict[str, str]:
    """Return ``{order: stage}``, after checking that rows, visits, ledger and outbox tell the same story."""
    system = crm.schema.system
    with crm.system("checking") as db:
        orders = db.find(Order, limit=1_000_000)
        for order in orders:
            visits, history = db.visits(order), db.history(order)
            assert [visit.left_at is None for visit in visits] == [False] * (len(visits) - 1) + [True]
            assert visits[-1].stage == order.stage
            assert [entry.kind for entry in history].count("move") == len(visits) - 1
            folded = {name: new for entry in history for name, (_old, new) in (entry.changes or {}).items()}
            assert (folded["stage"], folded["name"], folded.get("total", 0)) == (order.stage, order.name, order.total)
            assert order.version == len(history)
    with crm.storage.reading() as connection:
        rows = verify_ledger(connection, crm.schema)
        spans = connection.execute(sa.select(system.outbox).order_by(system.outbox.c.first_id)).all()
        assert [number for span in spans for number in range(span.first_id, span.last_id + 1)] == [*range(1, rows + 1)]
        if crm.storage.is_sqlite:
            assert connection.scalar(sa.text("PRAGMA integrity_check")) == "ok"
            assert connection.execute(sa.text("PRAGMA foreign_key_check")).all() == []
    return {order.name: order.stage for order in orders}
