"""What one client hears: first what it has missed, then what happens, until one of the two goes away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Hashable

import attrs

from crmkit.core.crm import CRM
from crmkit.core.policy.principal import Principal
from crmkit.core.reading.known_events import KnownEvents
from crmkit.rest.live.hub import Hub, Listener
from crmkit.rest.live.stream import Stream, told, told_position, told_reset

__all__ = ["MOST_MISSED", "Listening"]

#: Over how many positions what was missed is told; whoever missed more is to read anew what they show.
MOST_MISSED = 10_000
_RETRY = b"retry: 2000\n"


@attrs.frozen(kw_only=True)
class Listening:
    """A client's wish: to hear of writes of *entities*, or of all, behind the position *after*, or from now on.

    *identify* returns the principal as they are known now; it is asked now and then, once for all with a *credential*.
    """

    crm: CRM
    hub: Hub
    principal: Principal
    credential: Hashable
    identify: Callable[[], Principal]
    entities: Collection[str] = ()
    after: int | None = None

    async def messages(self) -> AsyncIterator[bytes]:
        """Yield server-sent events; the stream is there from the first one to the last."""
        stream = Stream(self.principal, self.entities, self.after or 0)
        self.hub.join(Listener(stream, self.credential, self.identify))
        try:
            start = await stream.begun
            yield _RETRY + told_position(start if self.after is None else self.after)
            if self.after is not None:
                async for missed in self._missed(stream, self.after, start):
                    yield missed
            async for message in stream.messages():
                yield message
        finally:
            self.hub.leave(stream)

    async def _missed(self, stream: Stream, after: int, start: int) -> AsyncIterator[bytes]:
        """Yield what was written behind *after* up to *start*, from where on the stream is fed."""
        page = await asyncio.to_thread(self._page, after)
        if page.position < after or start - after > MOST_MISSED:
            # There is another database than the one that gave out this position, or too much has happened since.
            stream.forget()
            yield told_reset(start)
            return
        # Another process may have told of more than this one has read yet: then nothing was missed.
        while after < start:
            known = stream.wanted([event for event in page.events if event.position <= start])
            if known:
                yield b"".join(map(told, known))
            if page.position >= start or page.position == after:
                return
            after = page.position
            page = await asyncio.to_thread(self._page, after)

    def _page(self, after: int) -> KnownEvents:
        with self.crm.read(self.principal) as db:
            return db.events(after=after)
