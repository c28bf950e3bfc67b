"""Events: what crmkit tells after the commit, and who wants to know."""

from crmkit.core.events.declaring import Event, EventInfo, RecordChanged, event, event_info
from crmkit.core.events.span import EveryEvent, Span
from crmkit.core.events.subscriber import Subscriber
from crmkit.core.events.trigger import Trigger

__all__ = [
    "Event",
    "EventInfo",
    "EveryEvent",
    "RecordChanged",
    "Span",
    "Subscriber",
    "Trigger",
    "event",
    "event_info",
]
