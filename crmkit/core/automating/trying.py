"""What an automation would have done on past occasions, found out by doing it and taking it back.

Past events come again as if they happened now, one after another: conditions are asked of the records as they are, and
each run sees what those before it have done. All of it is rolled back. The asker learns of what would be written only
what they may read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import attrs
import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.automating.automation import Automation
from crmkit.core.automating.keeping import Kept
from crmkit.core.automating.managing import find_automation
from crmkit.core.automating.parts import OnCron, OnDue, OnEvent, OnWrite
from crmkit.core.automating.running import Occasion, perform
from crmkit.core.errors import ForbiddenError
from crmkit.core.events import Trigger
from crmkit.core.fields import Date
from crmkit.core.model import Model
from crmkit.core.policy.access import Access
from crmkit.core.policy.principal import Principal
from crmkit.core.storage.held import Held
from crmkit.core.writing.writer import Writer

__all__ = ["Rehearsal", "Tried"]

# Rows of the ledger that are looked at for events at most.
_LOOKED_AT = 20_000


@attrs.frozen
class Tried:
    """What would have come of one occasion: *outcome* is done, unmet or failed; *wrote* names records and fields."""

    occasion: str
    at: datetime
    record_id: UUID
    outcome: str
    error: str | None
    wrote: Sequence[dict[str, Any]]


@attrs.frozen(eq=False)
class Rehearsal:
    """A run of past occasions in the transaction of *connection*, which whoever opened it must roll back.

    *access* is the asker's.
    """

    model: Model
    connection: Connection
    access: Access

    def run(self, name: str, since: datetime, limit: int) -> list[Tried]:
        """Return what :meth:`crmkit.CRM.try_automation` promises."""
        asker = self._writer(self.access, "try")
        automation = find_automation(asker, name)
        mine = self.access.may_act_as(automation.runs_as)
        if not (mine or (automation.runs_as is None and self.access.is_administrator)):
            raise ForbiddenError("core.automation", "update", name)
        accesses = self.model.fresh_accesses(self.model.registry)
        access = accesses.resolve(self.connection, Principal(automation.runs_as, automation.id))
        db = self._writer(access, f"automation:{automation.id}")
        found = self._seen(asker, automation, self._occasions(db, automation, since))
        return [self._try(asker, db, automation, *one) for one, _place in zip(found, range(limit), strict=False)]

    def _writer(self, access: Access, cause: str) -> Writer:
        return Writer(self.model, Held(self.connection, writes=True), access, cause, None, 1)

    def _seen(
        self, asker: Writer, automation: Automation, occasions: Iterator[tuple[datetime, Occasion]]
    ) -> Iterator[tuple[datetime, Occasion]]:
        info = self.model.registry.entity(automation.entity)
        return (one for one in occasions if asker.visible_ids(info, [one[1].record]))

    def _try(self, asker: Writer, db: Writer, automation: Automation, at: datetime, occasion: Occasion) -> Tried:
        try:
            with db.attempt():
                kept = perform(db, automation, occasion)
        except (Exception, SystemExit) as error:
            kept = Kept("failed", error=error)
        wrote = [told for told in kept.wrote if self._tells(asker, told)]
        return Tried(occasion.key, at, occasion.record, kept.outcome, kept.told_error, wrote)

    def _tells(self, asker: Writer, told: dict[str, Any]) -> bool:
        """Return whether the asker sees the record; of its fields those are left that they may read."""
        info = self.model.registry.entity(told["entity"])
        readable = self.access.entity(info).readable if not self.access.is_system else frozenset(told["fields"])
        told["fields"] = [name for name in told["fields"] if name in readable]
        return bool(asker.visible_ids(info, [UUID(told["id"])]))

    # What has happened.

    def _occasions(self, db: Writer, automation: Automation, since: datetime) -> Iterator[tuple[datetime, Occasion]]:
        match automation.trigger:
            case OnWrite() as on:
                return self._written(Trigger(automation.entity, on.kinds, on.changes, on.enters, on.stages), since)
            case OnEvent(event=event):
                return self._written(self.model.registry.events[event].trigger, since)
            case OnDue() as due:
                return self._due(db, automation, due, since)
            case OnCron():
                records = db.find(db.entity(automation.entity), automation.condition)
                return ((db.now, Occasion(f"{record.id} {db.now.isoformat()}", record.id)) for record in records)

    def _written(self, trigger: Trigger, since: datetime) -> Iterator[tuple[datetime, Occasion]]:
        ledger, payload = self.model.schema.system.ledger, self.model.schema.system.ledger_payload
        c = ledger.c
        rows = (
            sa.select(c.id, c.at, c.record_id, c.kind, payload.c.changes)
            .select_from(ledger.outerjoin(payload, payload.c.ledger_id == c.id))
            .where(c.entity == trigger.entity, c.at >= since)
        )
        for row in self.connection.execute(rows.order_by(c.id).limit(_LOOKED_AT)).all():
            changes = None if row.changes is None else msgspec.json.decode(row.changes)
            if trigger.picks(row.kind, changes):
                yield row.at, Occasion(f"#{row.id}", row.record_id)

    def _due(
        self, db: Writer, automation: Automation, due: OnDue, since: datetime
    ) -> Iterator[tuple[datetime, Occasion]]:
        offset = timedelta(days=due.days, hours=due.hours)
        cls, first, last = db.entity(automation.entity), since - offset, db.now - offset
        is_day = isinstance(self.model.registry.field(automation.entity, due.at).type, Date)
        bounds = (first.date(), last.date()) if is_day else (first, last)
        f: Any = getattr(cls.f, due.at)
        for record in db.find(cls, (f >= bounds[0]) & (f <= bounds[1]), order_by=due.at):
            yield db.now, Occasion(f"{record.id} {getattr(record, due.at).isoformat()}", record.id)
