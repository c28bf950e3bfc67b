"""Bytes that a thread writes while a client reads them: as much waits between them as fits a few buffers."""

from __future__ import annotations

import asyncio
import io
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from threading import BoundedSemaphore, Condition, Thread
from typing import IO, Any

from crmkit.rest.errors import OverloadedError

__all__ = ["Flow"]

_BUFFER = 1 << 16
_WAITING = 4
# For how many seconds a client may read nothing before nothing more is written for it.
_PATIENCE = 60
# Each holds a connection to the database for as long as its client takes.
_at_once = BoundedSemaphore(8)


class _UnreadError(Exception):
    """The client went away, or reads too slowly."""


class Flow:
    """What *work* writes, in pieces, as it comes. It is written in a thread of its own, no faster than it is read."""

    def __init__(self, work: Callable[[IO[bytes]], Any]) -> None:
        """Begin to write.

        Raises:
            OverloadedError: this process writes as much already as it may at once.
        """
        if not _at_once.acquire(blocking=False):
            raise OverloadedError(5)
        self._pieces = deque[bytes]()
        self._changed = Condition()
        self._is_ended = self._is_closed = False
        self._error: Exception | None = None
        self._tell: Callable[[], Any] = lambda: None
        Thread(target=self._write, args=(work,), name="crmkit-export", daemon=True).start()

    def _write(self, work: Callable[[IO[bytes]], Any]) -> None:
        try:
            with io.BufferedWriter(_Pipe(self._put), _BUFFER) as file:
                work(file)
        except _UnreadError:
            pass
        except Exception as error:
            self._error = error
        finally:
            _at_once.release()
            with self._changed:
                self._is_ended = True
                self._changed.notify_all()
            self._tell()

    def _put(self, piece: bytes) -> None:
        with self._changed:
            has_room = self._changed.wait_for(lambda: self._is_closed or len(self._pieces) < _WAITING, _PATIENCE)
            if self._is_closed or not has_room:
                raise _UnreadError
            self._pieces.append(piece)
            self._changed.notify_all()
        self._tell()

    def begun(self) -> bytes | Flow:
        """Wait for the first piece and return the whole if that is all, or else this flow.

        Raises:
            Exception: what *work* raised before it had written as much.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_ended or len(self._pieces) > 1)
            if self._error is not None:
                raise self._error
            return b"".join(self._pieces) if self._is_ended else self

    def __aiter__(self) -> Flow:
        """Read the pieces, once."""
        loop, more = asyncio.get_running_loop(), asyncio.Event()
        self._more = more

        def tell() -> None:
            # The loop may be gone by the time that the last piece is written.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(more.set)

        self._tell = tell
        return self

    async def __anext__(self) -> bytes:
        """Return the next piece.

        Raises:
            Exception: what *work* raised; the client learns of it as what it gets is cut short.
        """
        while True:
            self._more.clear()
            with self._changed:
                if self._pieces:
                    self._changed.notify_all()
                    return self._pieces.popleft()
                if self._is_ended:
                    if self._error is not None:
                        raise self._error
                    raise StopAsyncIteration
            await self._more.wait()

    async def aclose(self) -> None:
        """Have nothing more written."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()


class _Pipe(io.RawIOBase):
    """Gives what is written to a function."""

    def __init__(self, put: Callable[[bytes], None]) -> None:
        super().__init__()
        self._put = put

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        piece = bytes(data)
        self._put(piece)
        return len(piece)
