"""What ``crmkit doctor`` says of events and jobs: who is behind, what is parked, and whose circuit is open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmkit.cli.finding import Finding
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["examine_jobs"]

_PATIENCE = timedelta(minutes=5)


def examine_jobs(crm: CRM) -> Iterator[Finding]:
    """Yield what is not well with the work of *crm*, or that all of it is."""
    from crmkit.core.jobs.circuits import Circuits

    with crm.storage.reading() as connection:
        open_ = [circuit for circuit in Circuits(crm.schema, crm.storage.dialect).all(connection) if circuit.opened_at]
        found = [*_lag(crm, connection), *_parked(crm, connection), *_switched_off(crm, connection)]
    for circuit in open_:
        facts = {"plugin": circuit.plugin, "failures": circuit.failures, "error": circuit.error}
        message = _("{plugin} failed {failures} times in a row ({error}); its work rests and is tried once a minute")
        found.append(Finding("jobs", "warn", message, facts, _("See why: crmkit jobs list --name, and the log.")))
    if not found:
        found.append(Finding("jobs", "ok", _("nothing is parked, nothing lags")))
    yield from found
    yield _workers(crm)


def _workers(crm: CRM) -> Finding:
    from crmkit.core.jobs.heartbeat import ALIVE, workers_seen

    with crm.storage.reading() as connection:
        seen = workers_seen(connection, crm.schema, crm.clock.now() - ALIVE)
    if not seen:
        return Finding(
            "workers", "ok", _("none is at work; what is to be done waits for crmkit serve or crmkit worker")
        )
    facts = {"number": len(seen), "names": ", ".join(worker.owner for worker in seen)}
    return Finding("workers", "ok", _("at work: {number} ({names})"), facts)


def _lag(crm: CRM, connection: sa.Connection) -> Iterator[Finding]:
    from crmkit.core.events.lag import told

    outbox, table = crm.schema.system.outbox, crm.schema.system.job
    reached = told(crm.schema).scalar_subquery()
    untold = sa.select(outbox.c.at).where(outbox.c.first_id > reached).order_by(outbox.c.first_id).limit(1)
    oldest = connection.execute(untold).scalar() if crm.registry.subscribers else None
    due = sa.select(sa.func.min(table.c.run_at)).where(table.c.state.in_(["ready", "scheduled"]))
    overdue = connection.execute(due).scalar()
    waiting = min((moment for moment in (oldest, overdue) if moment is not None), default=None)
    if waiting is not None and crm.clock.now() - waiting > _PATIENCE:
        minutes = (crm.clock.now() - waiting) // timedelta(minutes=1)
        message, todo = _("work has been waiting for {minutes} minutes"), _("Start a worker: crmkit worker.")
        yield Finding("jobs", "warn", message, {"minutes": minutes}, todo)


def _parked(crm: CRM, connection: sa.Connection) -> Iterator[Finding]:
    table = crm.schema.system.job
    dead = connection.execute(sa.select(sa.func.count()).where(table.c.state == "dead")).scalar() or 0
    if dead:
        message = _("parked after too many failures: {dead}")
        todo = _("Look: crmkit jobs list --state dead. When the cause is mended: crmkit jobs retry --state dead.")
        yield Finding("jobs", "warn", message, {"dead": dead}, todo)


def _switched_off(crm: CRM, connection: sa.Connection) -> Iterator[Finding]:
    """Look for automations that were switched off because they failed again and again."""
    table = crm.schema.tables["core_automation"]
    off = table.c.deleted_at.is_(None), table.c.is_active.is_(False), table.c.off_reason.is_not(None)
    for row in connection.execute(sa.select(table.c.name, table.c.off_reason).where(*off).order_by(table.c.name)):
        facts = {"name": row.name, "reason": row.off_reason}
        message = _("the automation {name} was switched off. {reason}")
        todo = _("Mend it, then: crmkit automation on {name}, and crmkit jobs retry --state dead for what was missed.")
        yield Finding("jobs", "warn", message, facts, todo)
