"""How often somebody may ask: counted for each user and minute, by each process of the server."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from uuid import UUID

from crmkit.rest.errors import TooManyRequestsError

__all__ = ["RequestLimit"]

_WINDOW = 60


class RequestLimit:
    """Counts requests in windows of a minute; ``0`` is no limit."""

    def __init__(self, most: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Let each user ask *most* times within a minute of *clock*, which gives seconds."""
        self._most, self._clock, self._lock = most, clock, Lock()
        self._window, self._counts = -1, dict[UUID | None, int]()
        self._policy = f'"requests";q={most};w={_WINDOW}'

    def count(self, user: UUID | None) -> tuple[dict[str, str], TooManyRequestsError | None]:
        """Count a request of *user*; return the headers that tell what is left, and an error where nothing was.

        The headers are those of draft-ietf-httpapi-ratelimit-headers.
        """
        if not self._most:
            return {}, None
        window, passed = divmod(self._clock(), _WINDOW)
        with self._lock:
            if window != self._window:
                self._window, self._counts = int(window), {}
            asked = self._counts[user] = self._counts.get(user, 0) + 1
        seconds = _WINDOW - int(passed)
        left = f'"requests";r={max(0, self._most - asked)};t={seconds}'
        refused = TooManyRequestsError(self._most, seconds) if asked > self._most else None
        return {"ratelimit-policy": self._policy, "ratelimit": left}, refused
