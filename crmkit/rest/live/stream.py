"""One stream of events: what waits for one client, and what it looks like as server-sent events (WHATWG HTML)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any

import msgspec

from crmkit.core.policy.principal import Principal
from crmkit.core.reading.known_events import KnownEvent

__all__ = ["MOST_WAITING", "Stream", "told", "told_position", "told_reset"]

#: How many events may wait for a client; one that is slower than that is dropped, and resumes where it was.
MOST_WAITING = 256
_HEARTBEAT = 15.0
_encode = msgspec.json.Encoder(uuid_format="canonical").encode


def told(event: KnownEvent) -> bytes:
    """Return *event* as a message; its id is the position, behind which a client resumes."""
    body = {
        "position": event.position,
        "at": event.at,
        "entity": event.entity,
        "id": event.record_id,
        "kind": event.kind,
        "by": event.principal_id,
        "changed": event.changed,
        "events": event.events,
    }
    return b"id: %d\nevent: change\ndata: %s\n\n" % (event.position, _encode(body))


def told_position(position: int) -> bytes:
    """Return what is no message, keeps the connection open, and says up to where the client has heard everything."""
    return b"id: %d\n: \n\n" % position


def told_reset(position: int) -> bytes:
    """Return a message that tells a client to read anew what it shows: what it has missed is not told any more."""
    return b"id: %d\nevent: reset\ndata: {}\n\n" % position


class Stream:
    """What waits for one client; it is used in the thread of its event loop alone.

    It is made by the task that sends it: that one is cancelled if the client does not take what is sent.
    """

    def __init__(self, principal: Principal, entities: Collection[str] = (), after: int = 0) -> None:
        """Begin empty; nothing up to the position *after* is sent, and with *entities* nothing of others."""
        self.principal, self._entities = principal, frozenset(entities)
        self.loop = asyncio.get_running_loop()
        self._task: Any = asyncio.current_task()
        self._waiting: deque[KnownEvent] = deque()
        self._news = asyncio.Event()
        #: The position behind which it is fed, once it is.
        self.begun: asyncio.Future[int] = self.loop.create_future()
        self._after, self._position = after, 0
        self.is_over = False

    def begin(self, position: int) -> None:
        """Be fed with what comes behind *position* from now on."""
        self._position = position
        if not self.begun.done():
            self.begun.set_result(position)

    def forget(self) -> None:
        """Send everything that comes from now on: the client's position was none of this database."""
        self._after = 0

    def feed(self, events: Sequence[KnownEvent], position: int) -> bool:
        """Have *events* sent; then everything up to *position* is. Return whether the client keeps up with that."""
        mine = [event for event in self.wanted(events) if event.position > self._after]
        if len(self._waiting) + len(mine) > MOST_WAITING:
            return False
        self._waiting.extend(mine)
        self._position = position
        if mine:
            self._news.set()
        return True

    def wanted(self, events: Sequence[KnownEvent]) -> Sequence[KnownEvent]:
        """Return those of *events* that the client asked for."""
        return [event for event in events if event.entity in self._entities] if self._entities else events

    def end(self) -> None:
        """Have the connection closed at once, also that of a client which reads nothing."""
        if not self.is_over:
            self.is_over = True
            self._task.cancel()

    async def messages(self) -> AsyncIterator[bytes]:
        """Yield what is to be sent, as it comes, and a sign of life when nothing does."""
        while True:
            if self._waiting:
                yield b"".join([told(self._waiting.popleft()) for _n in range(len(self._waiting))])
                continue
            self._news.clear()
            try:
                async with asyncio.timeout(_HEARTBEAT):
                    await self._news.wait()
            except TimeoutError:
                yield told_position(max(self._position, self._after))
