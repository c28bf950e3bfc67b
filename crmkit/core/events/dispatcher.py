"""The dispatcher: turns what was committed into deliveries, in order, each exactly once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.events.declaring import Event
from crmkit.core.events.lag import told
from crmkit.core.events.span import EveryEvent, Span
from crmkit.core.events.subscriber import Subscriber
from crmkit.core.events.traced import Traced
from crmkit.core.events.trigger import Trigger
from crmkit.core.jobs.rows import new_row
from crmkit.core.policy.roles import EVERY_ENTITY
from crmkit.core.storage.database_objects import TOLD
from crmkit.core.storage.held import Held
from crmkit.core.writing.asking import Asking

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["Dispatcher"]

# Rows of the ledger in one transaction: how many are told, and over how many one may look for them.
_TOLD_AT_ONCE = 500
_LOOKED_OVER = 20_000


@attrs.frozen
class _Written:
    """A row of the ledger that somebody may want to know of."""

    row: Any
    changes: Mapping[str, Any] | None


class Dispatcher:
    """Tells the subscribers of one CRM what was committed.

    The row of its checkpoint is locked while a transaction tells: one dispatcher works at a time, and the next one
    takes over as soon as it is gone. Ids of the ledger are gapless in the order of commits, so that whoever has told
    up to a position has missed nothing before it.
    """

    def __init__(self, crm: CRM) -> None:
        """Look up who wants to know what."""
        self._crm = crm
        system = crm.schema.system
        self._ledger, self._payload, self._checkpoint = system.ledger, system.ledger_payload, system.checkpoint
        self._head = sa.select(system.ledger_head.c.last_id)
        self._told = told(crm.schema).with_for_update(skip_locked=True)
        self._meet()

    def _meet(self) -> None:
        """Look up who wants to know what; automations come and go."""
        self._registry = self._crm.registry
        self._subscribers: dict[str, list[Subscriber]] = defaultdict(list)
        self._of_all: list[Subscriber] = []
        for subscriber in self._registry.subscribers.values():
            if isinstance(subscriber.on, EveryEvent):
                self._of_all.append(subscriber)
            else:
                self._subscribers[subscriber.trigger.entity].append(subscriber)

    def tell(self, connection: Connection, now: datetime) -> int:
        """Enqueue deliveries of what comes next, and return by how many rows of the ledger it went on."""
        position = connection.execute(self._told).scalar()
        head = connection.execute(self._head).scalar() or 0
        if position is None or position >= head:
            return 0
        # After the head was read: whatever entity was written up to it is known now, also one made at run time.
        self._crm.refresh(connection)
        if self._crm.registry is not self._registry:
            self._meet()
        reached, written = self._next(connection, position, head)
        traces = Traced.between(connection, self._crm, position, reached)
        deliveries = [
            _delivery(subscriber, one.row, now, traces.at(one.row.id))
            for subscriber, found in self._picked(connection, written)
            for one in found
        ]
        deliveries.sort(key=lambda row: row["payload"]["position"])
        deliveries += self._spans(connection, position, reached, now, traces.newest)
        self._crm.model.jobs.add(connection, deliveries)
        moved = sa.update(self._checkpoint).where(self._checkpoint.c.key == TOLD)
        connection.execute(moved.values(position=reached, updated_at=now))
        return int(reached - position)

    def _next(self, connection: Connection, position: int, head: int) -> tuple[int, list[_Written]]:
        """Return how far to go on, and what was written until there of what somebody wants to know."""
        last = min(head, position + _LOOKED_OVER)
        if not self._subscribers:
            return head, []
        c = self._ledger.c
        columns = (c.id, c.at, c.principal_id, c.entity, c.record_id, c.kind, c.cause, c.depth)
        rows = sa.select(*columns).where(c.id > position, c.id <= last)
        if self._asks_values:
            beside = self._ledger.outerjoin(self._payload, self._payload.c.ledger_id == c.id)
            rows = rows.add_columns(self._payload.c.changes).select_from(beside)
        if EVERY_ENTITY not in self._subscribers:
            rows = rows.where(c.entity.in_(sorted(self._subscribers)))
        found = connection.execute(rows.order_by(c.id).limit(_TOLD_AT_ONCE)).all()
        reached = found[-1].id if len(found) == _TOLD_AT_ONCE else last
        return reached, [_Written(row, self._changes(row)) for row in found]

    @property
    def _asks_values(self) -> bool:
        return any(s.trigger.asks_values for several in self._subscribers.values() for s in several)

    def _changes(self, row: Any) -> Mapping[str, Any] | None:
        asked = any(subscriber.trigger.asks_values for subscriber in self._subscribers.get(row.entity, ()))
        return msgspec.json.decode(row.changes) if asked and row.changes is not None else None

    def _picked(
        self, connection: Connection, written: Sequence[_Written]
    ) -> Iterator[tuple[Subscriber, Iterable[_Written]]]:
        by_entity: dict[str, list[_Written]] = defaultdict(list)
        for one in written:
            if one.row.entity in self._crm.registry.entities:
                by_entity[one.row.entity].append(one)
        for entity, rows in by_entity.items():
            for subscriber in (*self._subscribers.get(entity, ()), *self._subscribers.get(EVERY_ENTITY, ())):
                later = [one for one in rows if one.row.id > subscriber.since]
                found = [one for one in later if subscriber.trigger.picks(one.row.kind, one.changes)]
                yield subscriber, self._where(connection, entity, subscriber.trigger, found)

    def _spans(
        self, connection: Connection, after: int, until: int, now: datetime, traces: Sequence[str]
    ) -> Iterator[Mapping[str, Any]]:
        """Yield what tells those who want to know of everything that there is something."""
        c = self._ledger.c
        for subscriber in self._of_all:
            on: Any = subscriber.on
            written = (c.id > after, c.id <= until, c.entity.not_in(sorted(on.but)))
            # What one write has caused another one for is as deep as the first.
            depth = connection.scalar(sa.select(sa.func.min(c.depth)).where(*written))
            if depth is not None:
                payload, cause = msgspec.to_builtins(Span(after, until)), f"core.events #{until}"
                beside = {"tries": subscriber.tries, "cause": cause, "depth": depth + 1, "traces": traces}
                yield new_row("delivery", subscriber.id, payload, now, **beside)

    def _where(self, connection: Connection, entity: str, trigger: Trigger, found: list[_Written]) -> list[_Written]:
        if trigger.where is None or not found:
            return found
        asking = Asking(self._crm.model, Held(connection), self._crm.model.system_access)
        ids: list[UUID] = list({one.row.record_id for one in found})
        matching = asking.matching_ids(self._crm.registry.entities[entity], trigger.where, ids)
        return [one for one in found if one.row.record_id in matching]


def _delivery(subscriber: Subscriber, row: Any, now: datetime, traces: Sequence[str]) -> Mapping[str, Any]:
    cls: type[Event] = subscriber.event
    told = cls(
        position=row.id,
        entity=row.entity,
        record_id=row.record_id,
        kind=row.kind,
        at=row.at,
        principal_id=row.principal_id,
        cause=row.cause,
        depth=row.depth,
        version=cls.__event__.version,
    )
    return new_row(
        "delivery",
        subscriber.id,
        msgspec.to_builtins(told),
        now,
        tries=subscriber.tries,
        principal_id=row.principal_id,
        cause=f"{cls.__event__.id} #{row.id}",
        depth=row.depth + 1,
        traces=traces,
    )
