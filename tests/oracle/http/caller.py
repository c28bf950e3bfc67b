"""Requests to the HTTP API of a CRM, in this thread and without a network, in a transaction that is open already."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Event
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import attrs

from crmkit import CRM
from crmkit.core.errors import CrmkitError
from crmkit.core.jobs.work import task_of
from crmkit.rest import app
from crmkit.rest.doors import Door
from crmkit.rest.live import stream
from crmkit.rest.replies import Reply
from tests.oracle.http.lent import Lent
from tests.oracle.workbooks import shown

__all__ = ["Answered", "Caller", "Query", "RefusedError", "code_in", "nameless"]

Query = Mapping[str, Any] | Sequence[tuple[str, Any]]

# What differs from one request to the next, whatever is asked.
_NEW = re.compile(r"\b01[0-9a-f]{6}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_LIFE = re.compile(rb"id: (\d+)\n: \n\n\Z")
_TOOK = re.compile(rb'"seconds":[0-9.e-]+')
# It hangs on the moment at which a workbook was made, which stands in it, packed.
_SIZE = re.compile(rb'(\.xlsx","media_type":"[^"]*","size":)[0-9]+')
# The length is that of the body, which is told itself.
_PASSING = frozenset({b"x-request-id", b"date", b"content-length"})


class RefusedError(CrmkitError):
    """A request was refused: the *code* is that of the problem."""

    def __init__(self, answer: Answered) -> None:
        super().__init__()
        self.code, self.answer = code_in(answer.json), answer

    def __str__(self) -> str:
        # A record that was not created is called by an id that nobody gets to see again.
        return nameless(repr(self.answer))


def nameless(text: str) -> str:
    """Return *text* without the ids that crmkit has made up: they are others each time."""
    return _NEW.sub("…", text)


def code_in(problem: Mapping[str, Any]) -> str:
    """Return the code of the error of which *problem* tells."""
    return str(problem["type"]).rpartition(":")[2]


@attrs.frozen
class Answered:
    """What came back, but for what passes."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes = attrs.field(repr=shown)

    @property
    def json(self) -> Any:
        """The body as JSON; a server that breaks is a fault.

        Raises:
            AssertionError: the status says that the server broke.
        """
        assert self.status < 500, self
        return json.loads(self.body) if self.body else None


@contextmanager
def _impatience() -> Iterator[None]:
    """Have signs of life come at once, and clients be slow without being dropped."""
    before = stream._HEARTBEAT, stream.MOST_WAITING
    stream._HEARTBEAT, stream.MOST_WAITING = 0.002, 1_000_000
    try:
        yield
    finally:
        stream._HEARTBEAT, stream.MOST_WAITING = before


class Caller:
    """Asks the HTTP API of one CRM; what it reads and writes goes through the reader or writer that it is lent."""

    def __init__(self, crm: CRM) -> None:
        self._lent = Lent(crm)
        #: The names of the doors that answered what was asked of them, and refused nothing.
        self.answered = set[str]()
        # In this thread, where the transaction is.
        doors = [attrs.evolve(each, is_immediate=True, handler=self._noting(each)) for each in app.DOORS]
        self._app = app.build_app(self._lent, doors=doors, identify=self._lent.identify)  # type: ignore[arg-type]

    def _noting(self, door: Door) -> Callable[[Any], Reply]:
        def handler(call: Any) -> Reply:
            reply = door.handler(call)
            self.answered.add(door.name)
            return reply

        return handler

    @contextmanager
    def lent(self, db: Any) -> Iterator[None]:
        """Answer with what *db* reads and writes inside the block."""
        self._lent.db = db
        try:
            yield
        finally:
            self._lent.db = None

    def __call__(self, method: str, path: str, query: Query = (), body: Any = None, **headers: str) -> Answered:
        """Return the answer to one request; parameters of the *query* that are ``None`` are left out.

        Raises:
            RefusedError: a problem came back.
        """
        pairs = query.items() if isinstance(query, Mapping) else query
        given = urlencode([(name, value) for name, value in pairs if value is not None])
        sent = {"host": "127.0.0.1", "content-type": "application/json", **headers}
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        answer = asyncio.run(self._ask(method, path, given, sent, content))
        if answer.status >= 400:
            raise RefusedError(answer)
        return answer

    def work(self, db: Any, job: UUID) -> None:
        """Do *job* at once, as a worker does it, in the transaction of the writer *db*."""
        with self.lent(db):
            (lease,) = db.model.jobs.lease_one(db._connection, "oracle", db.now, ["core"], job)
            task_of(self._lent, lease, Event()).call()  # type: ignore[arg-type]

    def listen(self, db: Any, after: int | None, up_to: int) -> Answered:
        """Return what is told of events behind the position *after* up to another one, of all that there were.

        Without *after*, everything is told as it is to those who listened from the beginning.
        """
        hub = self._app.state["surface"].hub
        if after is None:
            hub._position = 0
        given = {"last-event-id": str(after)} if after is not None else {}
        with self.lent(db), _impatience():
            answer = asyncio.run(self._ask("GET", "/api/v1/events", "", {"host": "127.0.0.1", **given}, b"", up_to))
        while (thread := hub._thread) is not None:
            thread.join()
        return answer

    async def _ask(
        self, method: str, path: str, query: str, headers: dict[str, str], body: bytes, up_to: int | None = None
    ) -> Answered:
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
            "raw_path": path.encode(), "root_path": "", "scheme": "http", "query_string": query.encode(),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {},
        }  # fmt: skip
        requests, sent, is_heard = [{"type": "http.request", "body": body}], list[Any](), asyncio.Event()

        async def receive() -> Any:
            if requests:
                return requests.pop()
            await is_heard.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if (position := _LIFE.match(message.get("body", b""))) is None:
                sent.append(message)
            elif up_to is not None and int(position[1]) >= up_to:
                is_heard.set()

        await self._app(scope, receive, send)  # type: ignore[arg-type]
        headers_ = tuple(sorted(pair for pair in sent[0]["headers"] if pair[0] not in _PASSING))
        whole = b"".join(part.get("body", b"") for part in sent[1:])
        return Answered(sent[0]["status"], headers_, _SIZE.sub(rb"\g<1>0", _TOOK.sub(b'"seconds":0', whole)))
