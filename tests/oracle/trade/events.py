"""What is told of deals: by what a write changed, and by what holds afterwards."""

from __future__ import annotations

from crmkit import Event, Trigger, event, translator

_ = translator("tests.oracle.trade")


@event("trade.resized", Trigger("trade.deal", changes=["size", "worth"]), label=_("Resized"))
class DealResized(Event):
    """A deal has another size, or is worth something else."""


@event("trade.big", Trigger("trade.deal", kinds=["create", "update"], where="size >= 5"), label=_("Big"))
class DealBig(Event):
    """A deal was written that is big."""


EVENTS = (DealResized, DealBig)
