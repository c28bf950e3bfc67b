"""Clients that listen to streams of events, a thousand in one process."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from selectors import EVENT_READ, DefaultSelector
from types import TracebackType

__all__ = ["Ears"]

_PATIENCE, _AT_ONCE = 60, 100
_BEGUN, _CHANGE = b"retry: ", b"event: change"


class Ears:
    """A stream on *port* for each of *tokens*; use it as a context manager."""

    def __init__(self, port: int, tokens: Sequence[str]) -> None:
        """Open all of them, and return when each has begun."""
        self._selector, self._heard = DefaultSelector(), dict[socket.socket, bytes]()
        # The server sends away whoever comes while too many wait.
        for start in range(0, len(tokens), _AT_ONCE):
            self._wait_for(_BEGUN, [self._opened(port, token) for token in tokens[start : start + _AT_ONCE]])

    def _opened(self, port: int, token: str) -> socket.socket:
        ear = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
        head = f"GET /api/v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\n\r\n"
        ear.sendall(head.encode())
        self._selector.register(ear, EVENT_READ)
        self._heard[ear] = b""
        return ear

    def __enter__(self) -> Ears:
        """Give the ears."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        for ear in self._heard:
            ear.close()
        self._selector.close()

    def wait_for_change(self) -> None:
        """Return when each has heard of one change more."""
        self._wait_for(_CHANGE, self._heard)

    def _wait_for(self, mark: bytes, ears: Iterable[socket.socket]) -> None:
        waiting = {ear for ear in ears if not self._has(ear, mark)}
        while waiting:
            ready = self._selector.select(_PATIENCE)
            if not ready:
                raise TimeoutError(f"{len(waiting)} of {len(self._heard)} streams hear nothing")
            for key, _events in ready:
                ear = key.fileobj
                assert isinstance(ear, socket.socket)
                found = ear.recv(65536)
                if not found:
                    raise ConnectionError(f"the server hung up: {self._heard[ear][:500]!r}")
                self._heard[ear] += found
                if ear in waiting and self._has(ear, mark):
                    waiting.discard(ear)

    def _has(self, ear: socket.socket, mark: bytes) -> bool:
        """Return whether *ear* has heard *mark*; if so, that and all before it is forgotten."""
        _before, found, after = self._heard[ear].partition(mark)
        if found:
            self._heard[ear] = after
        return bool(found)
