"""The door at which a stream of events begins."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from crmkit.core.policy.principal import Principal
from crmkit.core.reading.ordering import CursorError
from crmkit.core.text import gettext as _
from crmkit.rest.errors import OverloadedError, QueryError
from crmkit.rest.live.listening import Listening
from crmkit.rest.replies import Reply

if TYPE_CHECKING:
    from crmkit.rest.calls import Call

__all__ = ["MOST_OF_ONE", "listen"]

#: How many streams one user may have open in one process.
MOST_OF_ONE = 32
_MOST_DIGITS = 18
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


def listen(call: Call) -> Reply:
    """Return a stream of server-sent events for the principal, from now on, or behind ``Last-Event-ID``.

    ``entity`` in the query, which may be repeated, names the entities of which the client wants to hear.

    Raises:
        QueryError: another parameter is given.
        CursorError: what is given as the last event is no position.
        OverloadedError: this process, or this user, has as many streams as it may.
    """
    hub, principal = call.surface.hub, call.principal
    for name, _value in call.arguments:
        if name != "entity":
            raise QueryError(name[:80], _("there is no such parameter"))
    if len(hub) >= call.crm.config.server.streams or hub.streams_of(principal.user_id) >= MOST_OF_ONE:
        raise OverloadedError(30)
    wish = Listening(
        crm=call.crm,
        hub=hub,
        principal=principal,
        credential=(call.headers.get("authorization"), call.headers.get("cookie")),
        identify=partial(_again, call),
        entities=frozenset(value for _name, value in call.arguments),
        after=_position(call.headers.get("last-event-id")),
    )
    return Reply(body=wish.messages(), media_type="text/event-stream", headers=_HEADERS)


def _again(call: Call) -> Principal:
    """Return who sent *call* once more; that somebody listens keeps no session from ending for want of use."""
    call.is_use = False
    return call.surface.identify(call).principal


def _position(given: str | None) -> int | None:
    if not given:
        return None
    if not (given.isascii() and given.isdigit() and len(given) <= _MOST_DIGITS):
        raise CursorError
    return int(given)
