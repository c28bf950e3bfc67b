"""Telling again: one message, or all whose events happened in a span of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from crmkit import Event, Problem, Rule, WorkContext, Write, WriteContext, Writer, translator

from ..entities import Delivery, Endpoint, Replay

__all__ = ["check_replays", "replay", "replay_deliveries", "replay_span"]

_ = translator(__package__.rpartition(".")[0])

_AT_ONCE = 200
_DONE = ("dead", "withheld")


def replay(db: Writer, delivery: Delivery) -> Replay:
    """Have *delivery* told again, whatever became of it, and return the order to do so.

    Raises:
        ForbiddenError, ValidationError: as for every record that is created.
    """
    return db.create(Replay(endpoint_id=delivery.endpoint_id, delivery_id=delivery.id))


def replay_span(
    db: Writer,
    endpoint: Endpoint,
    begins_at: datetime | None = None,
    ends_at: datetime | None = None,
    *,
    is_everything: bool = False,
) -> Replay:
    """Have all that was given up told again to *endpoint*, of events from *begins_at* up to *ends_at*, and return that.

    With *is_everything* what was delivered is told again too.

    Raises:
        ForbiddenError, ValidationError: as for every record that is created.
    """
    order = Replay(endpoint_id=endpoint.id, begins_at=begins_at, ends_at=ends_at, is_everything=is_everything)
    return db.create(order)


def check_replays(_context: WriteContext, writes: Sequence[Write]) -> list[Problem]:
    """Return a problem for each span that ends before it begins."""
    return [
        Problem(_("it ends before it begins"), place, "ends_at")
        for place, write in enumerate(writes)
        if write.entity.id == "webhooks.replay" and _is_reversed(write)
    ]


def _is_reversed(write: Write) -> bool:
    begins_at, ends_at = write.get("begins_at"), write.get("ends_at")
    return begins_at is not None and ends_at is not None and ends_at < begins_at


def replay_deliveries(context: WorkContext, event: Event) -> None:
    """Let what an order names wait to be sent again, with all its attempts."""
    with context.read() as db:
        order = db.get_many(Replay, [event.record_id]).get(event.record_id)
    if order is None:
        return
    done = 0
    for again in _chosen(context, order):
        with context.write() as db:
            found = db.hold(list(db.get_many(Delivery, [each.id for each in again]).values()))
            waiting = {"state": "waiting", "next_at": db.now, "attempts": 0}
            db.update_many([(each, waiting) for each in found])
            db.wake("webhooks.send")
        done += len(again)
    with context.finish() as db:
        db.update(db.get(Replay, order.id), count=done)


def _chosen(context: WorkContext, order: Replay) -> Iterator[list[Delivery]]:
    """Yield the messages that *order* names, some at a time."""
    after: str | None = None
    while True:
        with context.read() as db:
            page = db.page(Delivery, _rule(order), order_by="id", limit=_AT_ONCE, after=after)
        if page.records:
            yield list(page.records)
        after = page.next
        if after is None:
            return


def _rule(order: Replay) -> Rule:
    f = Delivery.f
    rule: Rule = f.endpoint_id == order.endpoint_id
    if order.delivery_id is not None:
        return rule & (f.id == order.delivery_id)
    states = (*_DONE, "delivered") if order.is_everything else _DONE
    rule &= f.state.in_(states)
    if order.begins_at is not None:
        rule &= f.happened_at >= order.begins_at
    if order.ends_at is not None:
        rule &= f.happened_at < order.ends_at
    return rule
