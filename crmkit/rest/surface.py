"""What all doors share: the CRM, who knows who asks, threads that answer, and how much one may ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial

from crmkit.core.crm import CRM
from crmkit.rest.calls import Call
from crmkit.rest.doors import Door
from crmkit.rest.errors import HostError, OverloadedError
from crmkit.rest.identities import Identity, check_identity
from crmkit.rest.limits import RequestLimit
from crmkit.rest.live.hub import Hub
from crmkit.rest.problems import problem_of
from crmkit.rest.recalling import Recalled, Recollection
from crmkit.rest.replies import Reply

__all__ = ["Surface"]

# How many requests may wait for each thread before further ones are sent away.
_WAITING = 32
_LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Surface:
    """The HTTP API of one CRM, without its routes."""

    def __init__(self, crm: CRM, doors: tuple[Door, ...], identify: Callable[[Call], Identity]) -> None:
        """Serve *crm* through *doors*; *identify* says who knocks, or raises an error that becomes the answer."""
        server = crm.config.server
        self.crm, self.doors, self._identify = crm, doors, identify
        self._threads = ThreadPoolExecutor(server.threads, thread_name_prefix="crmkit-rest")
        #: How many bytes the body of a request may have.
        self.most_bytes = server.most_megabytes * 1_000_000
        #: How many bytes a file may have that is sent.
        self.most_file_bytes = crm.config.files.most_megabytes * 1_000_000
        self._most, self._waiting = server.threads * _WAITING, 0
        self._limit = RequestLimit(server.requests_per_minute)
        self._recollection = Recollection()
        self._hosts = _hosts(server.host, server.public_origin, server.trusted_hosts)
        #: What feeds streams of events.
        self.hub = Hub(crm)

    async def answer(self, call: Call) -> Reply:
        """Return the answer to *call*, worked out in one of the threads."""
        return await self._in_thread(call, call.door.handler)

    async def refuse(self, call: Call) -> Reply | None:
        """Return why *call* is not let in, before its body is read; ``None`` if it is."""
        reply = await self._in_thread(call, lambda call: Reply(204))
        return reply if call.admission is None or reply.status != 204 else None

    async def _in_thread(self, call: Call, handler: Callable[[Call], Reply]) -> Reply:
        if call.door.is_immediate:
            return self._answer(call, handler)
        if self._waiting >= self._most:
            return problem_of(call, OverloadedError(1))
        self._waiting += 1
        try:
            # What the log and traces know of the request goes along.
            answer = partial(copy_context().run, self._answer, call, handler)
            return await asyncio.get_running_loop().run_in_executor(self._threads, answer)
        finally:
            self._waiting -= 1

    def _answer(self, call: Call, handler: Callable[[Call], Reply]) -> Reply:
        headers: dict[str, str] = {}
        try:
            if call.admission is None:
                self._check_host(call)
                if call.door.policy != "public":
                    call.identity = self._recalled(call) or self.identify(call)
                    headers, refused = self._limit.count(call.identity.principal.user_id)
                    if refused is not None:
                        raise refused
                call.admission = headers
            return handler(call).beside(call.admission)
        except Exception as error:
            return problem_of(call, error).beside(call.admission or headers)

    def identify(self, call: Call) -> Identity:
        """Return who sends *call*, as they are known now.

        Raises:
            NotSignedInError: nobody that is known.
            SiteError: a session asks for a change without its secret.
        """
        identity = self._identify(call)
        check_identity(call, identity)
        if identity.holder is not None:
            recalled = Recalled(identity, identity.holder.epoch, identity.holder.until)
            self._recollection.keep(call.headers["authorization"], recalled)
        return identity

    def _recalled(self, call: Call) -> Identity | None:
        """Return who sends *call*, if their token is known; whether that still holds, each transaction finds out."""
        shown = call.headers.get("authorization")
        if shown is None or call.door.policy != "principal":
            return None
        found = self._recollection.find(shown, self.crm.clock.now())
        if found is None:
            return None
        call.recalled_at = found.epoch
        return found.identity

    def _check_host(self, call: Call) -> None:
        host = call.headers.get("host", "")
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        if name.lower() not in self._hosts and "*" not in self._hosts:
            raise HostError

    def close(self) -> None:
        """Finish what has been begun."""
        self.hub.close()
        self._threads.shutdown()


def _hosts(host: str, origin: str | None, trusted: Collection[str]) -> frozenset[str]:
    """Return the names of hosts for which the server stands, in lower case and without a port."""
    named = origin.partition("://")[2] if origin else ""
    bare = named.rpartition(":")[0] if named.rpartition(":")[2].isdigit() else named
    return _LOCAL | {each.lower() for each in (host, bare, *trusted) if each}
