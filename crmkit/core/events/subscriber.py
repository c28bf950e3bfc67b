"""Who wants to know of an event, and what then runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import attrs

from crmkit.core.events.declaring import Event, RecordChanged, event_info
from crmkit.core.events.span import EveryEvent, Span
from crmkit.core.events.trigger import Trigger
from crmkit.core.jobs.limits import TRIES, check_tries, check_work_id
from crmkit.core.policy.roles import EVERY_ENTITY

if TYPE_CHECKING:
    from crmkit.core.jobs.context import WorkContext

__all__ = ["Subscriber"]


@attrs.frozen
class Subscriber:
    """Has *handler* called with a :class:`WorkContext` and each event *on*, at least once and after the commit.

    *on* is a class of events; or a :class:`Trigger`, whose writes are then told as :class:`RecordChanged`; or
    :class:`EveryEvent`, and the handler gets a :class:`Span`. A handler that runs longer than *time_limit* has
    failed. After *tries* failures the delivery is parked for an administrator. What stands in the ledger up to the row
    *since* is not told.
    """

    id: str = attrs.field(validator=check_work_id)
    on: type[Event] | Trigger | EveryEvent
    handler: Callable[[WorkContext, Any], object]
    time_limit: timedelta = timedelta(seconds=5)
    tries: int = attrs.field(default=TRIES, validator=check_tries)
    since: int = 0

    @property
    def event(self) -> type[Event]:
        """The class of the events that the handler gets, unless it gets all of them at once."""
        return RecordChanged if isinstance(self.on, Trigger | EveryEvent) else self.on

    @property
    def takes(self) -> type[Event] | type[Span]:
        """The class of what the handler gets."""
        return Span if isinstance(self.on, EveryEvent) else self.event

    @property
    def trigger(self) -> Trigger:
        """What picks the writes that the handler is told of."""
        if isinstance(self.on, EveryEvent):
            return Trigger(EVERY_ENTITY)
        return self.on if isinstance(self.on, Trigger) else event_info(self.on).trigger
