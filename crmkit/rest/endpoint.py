"""Between ASGI and a door: what was asked is read, and what the door answers is sent."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from tempfile import SpooledTemporaryFile
from typing import Any

import attrs
from litestar.types import Receive, Scope, Send

from crmkit.observing.requests import watched_request
from crmkit.rest.calls import Call
from crmkit.rest.doors import Door
from crmkit.rest.errors import BodyTooLargeError, RequestError
from crmkit.rest.forms import Form, boundary_of
from crmkit.rest.problems import problem_of
from crmkit.rest.replies import Reply
from crmkit.rest.surface import Surface

__all__ = ["Answer", "Endpoint", "request_id_of"]

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,80}\Z")
_ALWAYS = {
    "cache-control": "private, no-cache",
    "vary": "authorization, cookie",
    "x-content-type-options": "nosniff",
}

# Of a file that is sent; what is larger passes through the disk.
_IN_MEMORY = 1 << 20


class _GoneError(Exception):
    """The client went away before it had sent its request."""


class Endpoint:
    """One door as Litestar opens it."""

    def __init__(self, surface: Surface, door: Door) -> None:
        """Open *door*."""
        self._surface, self._door = surface, door

    async def answer(self, scope: Any, receive: Receive) -> Answer:
        """Return the answer to one request."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        request_id, door = request_id_of(headers), self._door
        with watched_request(self._surface.crm.observer, door.name, scope["method"], request_id, headers) as outcome:
            reply, call = await self._reply(scope, receive, headers, request_id)
            outcome.status = reply.status
            outcome.principal_id = call.identity.principal.user_id if call and call.identity else None
        return Answer(reply, request_id, scope["method"] == "HEAD")

    async def _reply(
        self, scope: Any, receive: Receive, headers: Mapping[str, str], request_id: str
    ) -> tuple[Reply, Call | None]:
        client = scope.get("client")
        call = Call(
            surface=self._surface,
            door=self._door,
            path=scope["path"],
            parameters=scope["path_params"],
            query=scope["query_string"].decode("latin-1"),
            headers=headers,
            body=b"",
            peer=client[0] if client else "",
            request_id=request_id,
        )
        try:
            boundary = boundary_of(headers.get("content-type", "")) if self._door.takes_form else None
            if boundary is not None:
                return await self._with_form(call, receive, boundary), call
            if self._door.takes_file:
                return await self._with_file(call, receive), call
            if self._door.method != "GET":
                call.body = b"".join([chunk async for chunk in _chunks(receive, self._surface.most_bytes)])
        except _GoneError:
            return Reply(400), None
        except RequestError as error:
            return problem_of(None, error), None
        return await self._surface.answer(call), call

    async def _with_file(self, call: Call, receive: Receive) -> Reply:
        """Return the answer to *call*, whose body is a file, which passes through the disk."""
        refused = await self._surface.refuse(call)
        if refused is not None:
            return refused
        digest = hashlib.sha256()
        with SpooledTemporaryFile(_IN_MEMORY) as file:
            async for chunk in _chunks(receive, self._surface.most_file_bytes):
                digest.update(chunk)
                file.write(chunk)
            file.seek(0)
            call.file, call.body = file, digest.digest()
            return await self._surface.answer(call)

    async def _with_form(self, call: Call, receive: Receive, boundary: str) -> Reply:
        """Return the answer to *call*, whose body is a form; the files in it pass through the disk."""
        surface = self._surface
        refused = await surface.refuse(call)
        if refused is not None:
            return refused
        with Form(boundary, surface.most_bytes) as form:
            await form.read(_chunks(receive, surface.most_file_bytes))
            call.form, call.body = form, form.digest
            return await surface.answer(call)


def request_id_of(headers: Mapping[str, str]) -> str:
    """Return the id that the client has given its request, or a new one."""
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.match(given) else secrets.token_hex(16)


async def _chunks(receive: Receive, most: int) -> AsyncIterator[bytes]:
    """Yield the body of a request.

    Raises:
        BodyTooLargeError: it has more bytes than *most*; the rest is not read.
        _GoneError: the client went away.
    """
    size = 0
    while True:
        message: Any = await receive()
        if message["type"] != "http.request":
            raise _GoneError
        chunk = bytes(message.get("body", b""))
        size += len(chunk)
        if size > most:
            raise BodyTooLargeError(most)
        yield chunk
        if not message.get("more_body"):
            return


@attrs.frozen
class Answer:
    """A reply to one request as an ASGI application: to HEAD without its body, in pieces until the client goes away."""

    reply: Reply
    request_id: str
    is_head: bool = False

    @property
    def whole(self) -> bytes:
        """The body, if it does not come in pieces."""
        return self.reply.body if isinstance(self.reply.body, bytes) else b""

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the answer, but for what tells of its body."""
        return {**_ALWAYS, "x-request-id": self.request_id, **self.reply.headers}

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        reply, in_pieces = self.reply, not isinstance(self.reply.body, bytes)
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items()]
        if reply.status not in (204, 304):
            headers.append((b"content-type", reply.media_type.encode()))
            headers += [] if in_pieces else [(b"content-length", b"%d" % len(self.whole))]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        if isinstance(reply.body, bytes) or self.is_head:
            await send({"type": "http.response.body", "body": b"" if self.is_head else self.whole, "more_body": False})
            await _close(reply.body)
        else:
            await _send_pieces(send, reply.body, receive)


async def _send_pieces(send: Send, pieces: AsyncIterator[bytes], receive: Receive) -> None:
    """Send *pieces* as they come; when the client goes away, stop asking for more."""
    sending = asyncio.ensure_future(_send_all(send, pieces))
    gone = asyncio.ensure_future(_wait_until_gone(receive))
    try:
        await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, gone):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await gone
        with suppress(asyncio.CancelledError):
            await sending


async def _send_all(send: Send, pieces: AsyncIterator[bytes]) -> None:
    try:
        async for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        await _close(pieces)


async def _close(body: Any) -> None:
    """Say that nobody reads *body* further."""
    close = getattr(body, "aclose", None)
    if close is not None:
        await close()


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
