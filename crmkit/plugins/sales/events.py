"""What the plugin tells of leads and deals."""

from __future__ import annotations

from crmkit import Event, Trigger, event, translator

__all__ = ["EVENTS", "DealLost", "DealMoved", "DealWon", "LeadConverted"]

_ = translator(__package__)


@event("sales.deal_moved", Trigger("sales.deal", kinds=["move"]), label=_("Deal moved"))
class DealMoved(Event):
    """A deal went from one stage to another, whichever."""


@event("sales.deal_won", Trigger("sales.deal", kinds=["create", "move"], enters="won"), label=_("Deal won"))
class DealWon(Event):
    """A deal was won, or came into the books as won."""


@event("sales.deal_lost", Trigger("sales.deal", kinds=["create", "move"], enters="lost"), label=_("Deal lost"))
class DealLost(Event):
    """A deal was lost, or came into the books as lost."""


@event(
    "sales.lead_converted",
    Trigger("sales.lead", kinds=["create", "move"], stages=["converted"]),
    label=_("Lead converted"),
)
class LeadConverted(Event):
    """A lead became a deal."""


EVENTS = (DealMoved, DealWon, DealLost, LeadConverted)
