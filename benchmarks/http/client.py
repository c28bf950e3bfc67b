"""A client that keeps its connections open and asks as fast as it is answered, on so many of them at once."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from time import perf_counter
from typing import Any

import attrs
import msgspec

__all__ = ["Answer", "Asked", "Client"]

# A bare endpoint tries at its start which of its statements is the fastest, which takes a while on a million deals.
_PATIENCE = 600
_END = b"\r\n\r\n"


@attrs.frozen
class Asked:
    """One request."""

    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = {}

    def sent(self, always: Mapping[str, str]) -> bytes:
        """Return the bytes of it, with the headers that are *always* sent."""
        body = b"" if self.body is None else msgspec.json.encode(self.body)
        headers = {"host": "127.0.0.1", "content-length": str(len(body)), **always, **self.headers}
        if self.body is not None:
            headers.setdefault("content-type", "application/json")
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join(lines).encode() + _END + body


@attrs.frozen
class Answer:
    """What came back, and after how many seconds."""

    status: int
    head: bytes
    body: bytes
    seconds: float

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return msgspec.json.decode(self.body)

    @property
    def etag(self) -> str:
        """The entity tag."""
        return self.head.partition(b"etag: ")[2].partition(b"\r\n")[0].decode()


@attrs.frozen
class Client:
    """Asks the server on *port*; *always* are headers of every request."""

    port: int
    always: Mapping[str, str]

    def ask(self, asked: Asked) -> Answer:
        """Ask once."""
        return self.ask_many(lambda _place: asked, 1, 1)[0]

    def ask_many(self, following: Callable[[int], Asked], number: int, at_once: int) -> list[Answer]:
        """Ask *number* times, *at_once* of them together; *following* gives the request by its place."""
        places, answers = count(), list[Answer]()

        def work(_place: int) -> None:
            with socket.create_connection(("127.0.0.1", self.port), timeout=_PATIENCE) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while (place := next(places)) < number:
                    answers.append(_ask(connection, following(place).sent(self.always)))

        with ThreadPoolExecutor(at_once) as threads:
            list(threads.map(work, range(at_once)))
        return answers


def _ask(connection: socket.socket, sent: bytes) -> Answer:
    start = perf_counter()
    connection.sendall(sent)
    found = connection.recv(65536)
    while _END not in found:
        found += _more(connection)
    head, _end, body = found.partition(_END)
    head = head.lower()
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
    while len(body) < length:
        body += _more(connection)
    return Answer(int(head[9:12]), head, body, perf_counter() - start)


def _more(connection: socket.socket) -> bytes:
    found = connection.recv(65536)
    if not found:
        raise ConnectionError("the server hung up")
    return found
