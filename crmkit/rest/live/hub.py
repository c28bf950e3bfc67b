"""The hub: one thread of a process reads what was written, and tells each stream what its principal may know of it.

The ledger is read once however many listen, and the wall is asked once for all who are asked the same; see
:meth:`crmkit.core.crm.CRM.events_for`. Whoever stops being signed in, or active, loses the stream within seconds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Mapping, Sequence
from threading import Event, Lock, Thread
from time import monotonic
from uuid import UUID

import attrs
import sqlalchemy as sa

from crmkit.core.crm import CRM
from crmkit.core.errors import CrmkitError, DatabaseFullError, DatabaseUnreachableError, TryAgainError
from crmkit.core.jobs.waking import waker
from crmkit.core.policy.principal import Principal
from crmkit.core.reading.known_events import KnownEvent
from crmkit.observing.metrics import Metrics
from crmkit.observing.watching import Watching
from crmkit.rest.live.stream import Stream

__all__ = ["Hub", "Listener"]

_log = logging.getLogger(__name__)
_CHECKED_EVERY = 5.0
_PASSING = (TryAgainError, DatabaseFullError, DatabaseUnreachableError, sa.exc.DBAPIError)


@attrs.define(eq=False)
class Listener:
    """A *stream*, and who listens: *identify* returns the principal as they are known now, or raises.

    All that show the same *credential* are asked for once.
    """

    stream: Stream
    credential: Hashable
    identify: Callable[[], Principal]
    checked_at: float = attrs.field(factory=monotonic)


class Hub:
    """Feeds the streams of one CRM in this process; its thread is there for as long as anybody listens."""

    def __init__(self, crm: CRM) -> None:
        """Feed nobody yet."""
        self._crm = crm
        self._lock, self._wake = Lock(), Event()
        self._new: list[Listener] = []
        self._listeners: dict[Stream, Listener] = {}
        self._thread: Thread | None = None
        #: Up to where everybody has been told; only the thread knows, while there is one.
        self._position: int | None = None
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._listeners) + len(self._new)

    def streams_of(self, user: UUID | None) -> int:
        """Return how many streams *user* has."""
        with self._lock:
            listeners = [*self._listeners.values(), *self._new]
        return sum(listener.stream.principal.user_id == user for listener in listeners)

    @property
    def _metrics(self) -> Metrics | None:
        observer = self._crm.observer
        return observer.metrics if isinstance(observer, Watching) else None

    def join(self, listener: Listener) -> None:
        """Begin to feed the stream of *listener*, which is told from where on, until it leaves."""
        if (metrics := self._metrics) is not None:
            metrics.streams.inc()
        with self._lock:
            if self._is_closed:
                listener.stream.end()
                return
            self._new.append(listener)
            if self._thread is None:
                self._thread = Thread(target=self._run, name="crmkit-live", daemon=True)
                self._thread.start()
        self._wake.set()

    def leave(self, stream: Stream) -> None:
        """Feed *stream* no more."""
        if (metrics := self._metrics) is not None:
            metrics.streams.dec()
        with self._lock:
            self._listeners.pop(stream, None)
            self._new = [listener for listener in self._new if listener.stream is not stream]
        self._wake.set()

    def stop(self) -> None:
        """End every stream, and feed none from now on."""
        with self._lock:
            self._is_closed = True
            listeners = [*self._listeners.values(), *self._new]
        for listener in listeners:
            self._end(listener, "stopping")
        self._wake.set()

    def close(self) -> None:
        """Do as :meth:`stop` does, and wait until nothing is read any more."""
        thread = self._thread
        self.stop()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        try:
            with waker(self._crm.storage) as sleeper:
                while self._is_needed():
                    self._step_or_wait()
                    sleeper.wait(self._wake)
                    self._wake.clear()
        except Exception as error:
            # Without a connection nothing can be waited for; clients come back, and then it is tried again.
            _log.error("nobody can be told of events", exc_info=error)
            self._give_up()

    def _step_or_wait(self) -> None:
        try:
            self._step()
        except Exception as error:
            # Whatever it is: those who listen must not be left with a stream that nobody feeds.
            _log.warning("events could not be read, and will be again", exc_info=error)
            self._wake.wait(1)

    def _give_up(self) -> None:
        with self._lock:
            listeners = [*self._listeners.values(), *self._new]
            self._new, self._thread, self._position = [], None, None
        for listener in listeners:
            self._end(listener, "broken")

    def _is_needed(self) -> bool:
        with self._lock:
            if (self._new or self._listeners) and not self._is_closed:
                return True
            self._thread = self._position = None
            return False

    def _step(self) -> None:
        """Tell everybody of everything that they have not been told yet."""
        if self._position is None:
            self._position = self._crm.events_for((), after=None).position
        self._check()
        self._let_in(self._position)
        while True:
            listeners = list(self._listeners.values())
            principals = {listener.stream.principal for listener in listeners}
            news = self._crm.events_for(principals, after=self._position)
            if news.position < self._position:
                # Another database stands in its place: whoever comes back is told so.
                for listener in listeners:
                    self._end(listener, "left")
            else:
                self._tell(listeners, news.told, news.position)
            if news.position <= self._position:
                self._position = news.position
                return
            self._position = news.position

    def _let_in(self, position: int) -> None:
        with self._lock:
            new, self._new = self._new, []
            self._listeners.update({listener.stream: listener for listener in new})
        for listener in new:
            _call(listener.stream, listener.stream.begin, position)

    def _tell(
        self, listeners: Sequence[Listener], told: Mapping[Principal, Sequence[KnownEvent]], position: int
    ) -> None:
        """Feed each of *listeners*, all on one loop, in one call."""
        fed: list[tuple[Listener, Sequence[KnownEvent]]] = []
        for listener in listeners:
            events = told.get(listener.stream.principal)
            if events is None:
                self._end(listener, "left")
            else:
                fed.append((listener, events))
        if fed:
            _call(fed[0][0].stream, self._feed, fed, position)

    def _feed(self, fed: Sequence[tuple[Listener, Sequence[KnownEvent]]], position: int) -> None:
        for listener, events in fed:
            if not listener.stream.feed(events, position):
                self._end(listener, "slow")

    def _check(self) -> None:
        """Ask again who those are that have not been asked for lately; end the streams of who is nobody any more."""
        now = monotonic()
        due = [listener for listener in list(self._listeners.values()) if now - listener.checked_at >= _CHECKED_EVERY]
        known: dict[Hashable, Principal | None] = {}
        for listener in due:
            if listener.credential not in known:
                known[listener.credential] = self._identified(listener)
            principal = known[listener.credential]
            if principal is None:
                self._end(listener, "left")
            else:
                listener.stream.principal, listener.checked_at = principal, now

    def _identified(self, listener: Listener) -> Principal | None:
        try:
            return listener.identify()
        except _PASSING:
            raise
        except CrmkitError:
            return None
        except Exception as error:
            _log.error("who listens could not be told; nobody is told anything for them", exc_info=error)
            return None

    def _end(self, listener: Listener, why: str) -> None:
        with self._lock:
            self._listeners.pop(listener.stream, None)
        if (metrics := self._metrics) is not None:
            metrics.ended_streams.labels(why).inc()
        _call(listener.stream, listener.stream.end)


def _call(stream: Stream, *what: object) -> None:
    """Have *what* called in the thread of the loop of *stream*, unless that has ended."""
    try:
        stream.loop.call_soon_threadsafe(*what)  # type: ignore[arg-type]
    except RuntimeError:
        return
