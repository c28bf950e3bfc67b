"""What an event is: a fact in the past tense that names records and holds none of their values."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import attrs

from crmkit.core.errors import DeclarationError
from crmkit.core.events.trigger import Trigger
from crmkit.core.text import Text, gettext as _

__all__ = ["Event", "EventInfo", "RecordChanged", "event", "event_info"]

E = TypeVar("E", bound="Event")
_EVENT_ID = re.compile(r"[a-z][a-z0-9_]{0,30}\.[a-z][a-z0-9_]{0,60}\Z")


@attrs.frozen
class EventInfo:
    """What is declared of an event: its *id* such as ``sales.deal_won``, what it tells of, and its class."""

    id: str
    trigger: Trigger
    label: Text
    version: int
    cls: type[Event]


@attrs.frozen(kw_only=True)
class Event:
    """Something that happened to one record, told after the commit.

    *position* counts without gaps in the order of commits; it is the id of the ledger's row. *version* is that of the
    event's declaration. Values of fields are not in it: whoever tells it on reads them for whom it is told to.
    """

    position: int
    entity: str
    record_id: UUID
    kind: str
    at: datetime
    principal_id: UUID | None
    cause: str
    depth: int
    version: int = 1

    __event__: ClassVar[EventInfo]

    @property
    def id(self) -> str:
        """What tells this event from all others, also when it is delivered twice."""
        return f"{self.position}.{self.__event__.id}"


def event(id: str, trigger: Trigger, *, label: Text, version: int = 1) -> Callable[[type[E]], type[E]]:
    """Return a decorator that makes a subclass of :class:`Event` the event *id*, told of what *trigger* picks.

    Raises:
        DeclarationError: the id is not acceptable, or the class is no event.
    """
    if not _EVENT_ID.match(id):
        raise DeclarationError(id, _("an event's id is <plugin>.<what_happened> in lower case"))

    def make(cls: type[E]) -> type[E]:
        base: type[Any] = cls
        if not issubclass(base, Event) or inspect.get_annotations(cls):
            raise DeclarationError(id, _("an event is a subclass of Event without fields of its own"))
        made: type[E] = attrs.frozen(kw_only=True)(cls)
        made.__event__ = EventInfo(id, trigger, label, version, made)
        return made

    return make


def event_info(cls: type[Any]) -> EventInfo:
    """Return what is declared of the event *cls*.

    Raises:
        DeclarationError: it is no event.
    """
    info = cls.__dict__.get("__event__")
    if not isinstance(info, EventInfo):
        raise DeclarationError(cls.__name__, _("is no event; decorate the class with @event"))
    return info


@event("core.record_changed", Trigger("*"), label=_("Record changed"))
class RecordChanged(Event):
    """A record was written: what subscribers get that name a trigger of their own instead of an event."""
