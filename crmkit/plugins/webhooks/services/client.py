"""The client that sends: it connects to addresses that the guard has judged, and reads only the beginning of answers.

It is the lowest layer of httpx2, because that lets us connect ourselves. Redirects, cookies, proxies out of the
environment and decompression do not exist there, so that nobody has to switch them off.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import cache
from typing import TYPE_CHECKING, Any

import attrs

from crmkit import Destination, MissingExtraError, NetworkGuard, RefusedAddressError, translator

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["DEADLINE", "Answer", "Client"]

_ = translator(__package__.rpartition(".")[0])

#: So many seconds an endpoint has for everything: to be found, to be reached, to read, and to answer.
DEADLINE = 15.0
#: So much of an answer is read.
MOST_READ = 65_536
# For so many seconds a body is read once its status is there; so many before the end are left to close.
_READING, _LAST = 5.0, 0.1
_KEPT_OPEN = 5.0
_PORTS = {"http": 80, "https": 443}
_LOOK_UPS = 32


@attrs.frozen
class Answer:
    """What came back: the *status* of an answer with the beginning of its *body*, or why there was none.

    *retry_after* is what the header of this name says.
    """

    status: int | None = None
    body: bytes = b""
    retry_after: str | None = None
    error: str | None = None


class Client:
    """Sends to any number of endpoints at once. It is used inside ``async with``."""

    def __init__(self, guard: NetworkGuard) -> None:
        """Ask *guard* before each connection.

        Raises:
            MissingExtraError: the extra ``webhooks`` is not installed.
        """
        try:
            import httpcore2
        except ModuleNotFoundError:
            raise MissingExtraError(_("A webhook"), "httpcore2", "webhooks") from None
        self._core, self._guard, self._stack = httpcore2, guard, AsyncExitStack()
        # Looking names up blocks a thread each, as long as whoever answers for a name likes.
        self._look_ups = ThreadPoolExecutor(_LOOK_UPS, "webhooks-names")
        self._pools: dict[tuple[Hashable, str], Any] = {}

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()
        self._look_ups.shutdown(wait=False, cancel_futures=True)

    async def _resolve(self, destination: Destination) -> list[Any]:
        return await asyncio.get_running_loop().run_in_executor(self._look_ups, self._guard.resolve, destination)

    async def _pool(self, receiver: Hashable, scheme: str) -> Any:
        """Return the connections to *receiver*. Each has its own: a pool looks at all that it has for every request."""
        found = self._pools.get((receiver, scheme))
        if found is None:
            found = self._core.AsyncConnectionPool(
                ssl_context=_trusted() if scheme == "https" else None,
                max_connections=None,
                keepalive_expiry=_KEPT_OPEN,
                network_backend=_backend(self._core, scheme, self._resolve),
            )
            self._pools[receiver, scheme] = await self._stack.enter_async_context(found)
        return found

    async def post(self, receiver: Hashable, url: str, headers: Mapping[str, str], content: bytes) -> Answer:
        """Send *content* to *url*, that of *receiver*, and return what came back; it raises nothing."""
        try:
            destination = self._guard.check(url)
            async with asyncio.timeout(DEADLINE) as limit:
                pool = await self._pool(receiver, destination.scheme)
                return await self._post(pool, destination, headers, content, limit)
        except TimeoutError:
            return Answer(error=f"no answer within {DEADLINE:.0f} seconds")
        except RefusedAddressError as error:
            return Answer(error=str(error))
        except Exception as error:
            return Answer(error=f"{type(error).__name__}: {error}"[:500])

    async def _post(
        self, pool: Any, destination: Destination, headers: Mapping[str, str], content: bytes, limit: asyncio.Timeout
    ) -> Answer:
        scheme, host, port = destination.scheme, destination.host, destination.port
        url = self._core.URL(scheme=scheme.encode(), host=host.encode(), port=port, target=destination.target.encode())
        shown = f"[{host}]" if ":" in host else host
        named = shown if port == _PORTS[scheme] else f"{shown}:{port}"
        sent = [("Host", named), *headers.items(), ("Content-Length", str(len(content)))]
        async with pool.stream("POST", url, headers=sent, content=content) as response:
            found = {name.lower(): value for name, value in response.headers}
            retry_after = found.get(b"retry-after", b"").decode("latin-1") or None
            return Answer(response.status, await self._beginning(response, limit), retry_after)

    async def _beginning(self, response: Any, limit: asyncio.Timeout) -> bytes:
        """Return the beginning of an answer. Its status counts, also where the rest takes too long or breaks off."""
        read, now = bytearray(), asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(min(now + _READING, (limit.when() or now) - _LAST)):
                async for chunk in response.aiter_stream():
                    read += chunk
                    if len(read) >= MOST_READ:
                        break
        except (TimeoutError, self._core.NetworkError, self._core.ProtocolError):
            pass
        return bytes(read[:MOST_READ])


@cache
def _trusted() -> Any:
    """Return what says whom to trust: the certificates of this machine. Reading them takes a while."""
    import httpcore2

    return httpcore2.default_ssl_context()


def _backend(core: Any, scheme: str, resolve: Callable[[Destination], Awaitable[list[Any]]]) -> Any:
    """Return what connects for *scheme*: to an address that *resolve* returns, and to nothing else."""

    class Guarded(core.AnyIOBackend):  # type: ignore[misc]
        async def connect_tcp(self, host: str, port: int, *args: Any, **more: Any) -> Any:
            reason: Exception | None = None
            for address in await resolve(Destination(scheme, host, port, "/")):
                try:
                    return await super().connect_tcp(str(address), port, *args, **more)
                except (core.ConnectError, core.ConnectTimeout) as error:
                    reason = error
            raise reason or core.ConnectError("no address")

        async def connect_unix_socket(self, *_args: Any, **_more: Any) -> Any:
            raise core.ConnectError("no socket of this machine is reached")

    return Guarded()
