"""Forgetting messages: what is over as long as jobs are kept, what was given up as long as runs of automations are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from crmkit import NoArguments, Record, Rule, WorkContext, forget_records

from ..entities import Delivery, Replay

__all__ = ["clear_deliveries"]

_AT_ONCE = 200


def clear_deliveries(context: WorkContext, _arguments: NoArguments) -> None:
    """Forget the messages, and the orders to tell some again, that are over for longer than ``[keep]`` says.

    A message that an order names stays as long as that.
    """
    over = context.now - timedelta(days=context.keep.job_days)
    long_over = context.now - timedelta(days=context.keep.run_days)
    f = Delivery.f
    _forget(context, Replay, lambda: Replay.f.created_at < over)
    _forget(context, Delivery, lambda: f.state.in_(["delivered", "withheld"]) & (f.happened_at < over))
    _forget(context, Delivery, lambda: f.happened_at < long_over)


def _forget(context: WorkContext, entity: type[Record], rule: Callable[[], Rule]) -> None:
    done, after = 0, None
    while True:
        with context.write() as db:
            page = db.page(entity, rule(), order_by="id", limit=_AT_ONCE, after=after)
            named = {
                each.delivery_id
                for each in db.find(
                    Replay, Replay.f.delivery_id.in_([each.id for each in page.records]), limit=_AT_ONCE
                )
            }
            done += forget_records(db, [each for each in page.records if each.id not in named])
        after = page.next
        if after is None:
            return
        context.progress(done)
