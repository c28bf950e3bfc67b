"""Requests to the HTTP API of a CRM, in this thread and without a network, in a transaction that is open already."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import attrs

from crmkit import CRM, Principal
from crmkit.core.configuration.config import Server
from crmkit.core.errors import CrmkitError
from crmkit.rest import app
from crmkit.rest.identities import Identity

__all__ = ["Answered", "Caller", "RefusedError"]

# What differs from one request to the next, whatever is asked.
_NEW = re.compile(r"\b01[0-9a-f]{6}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_PASSING = frozenset({b"x-request-id", b"date"})


class RefusedError(CrmkitError):
    """A request was refused: the *code* is that of the problem."""

    def __init__(self, answer: Answered) -> None:
        super().__init__()
        self.code, self.answer = str(answer.json["type"]).rpartition(":")[2], answer

    def __str__(self) -> str:
        # A record that was not created is called by an id that nobody gets to see again.
        return _NEW.sub("…", repr(self.answer))


@attrs.frozen
class Answered:
    """What came back, but for what passes."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON; a server that breaks is a fault.

        Raises:
            AssertionError: the status says that the server broke.
        """
        assert self.status < 500, self
        return json.loads(self.body) if self.body else None


class Caller:
    """Asks the HTTP API of one CRM; what it reads and writes goes through the reader or writer that it is lent."""

    def __init__(self, crm: CRM) -> None:
        self._lent = _Lent(crm)
        # In this thread, where the transaction is.
        doors = [attrs.evolve(each, is_immediate=True) for each in app.DOORS]
        self._app = app.build_app(self._lent, doors=doors, identify=self._lent.identify)  # type: ignore[arg-type]

    @contextmanager
    def lent(self, db: Any) -> Iterator[None]:
        """Answer with what *db* reads and writes inside the block."""
        self._lent.db = db
        try:
            yield
        finally:
            self._lent.db = None

    def __call__(
        self, method: str, path: str, query: dict[str, Any] | None = None, body: Any = None, **headers: str
    ) -> Answered:
        """Return the answer to one request; parameters of the *query* that are ``None`` are left out.

        Raises:
            RefusedError: a problem came back.
        """
        given = urlencode({name: value for name, value in (query or {}).items() if value is not None})
        sent = {"host": "127.0.0.1", "content-type": "application/json", **headers}
        content = b"" if body is None else json.dumps(body).encode()
        answer = asyncio.run(self._ask(method, path, given, sent, content))
        if answer.status >= 400:
            raise RefusedError(answer)
        return answer

    async def _ask(self, method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> Answered:
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
            "raw_path": path.encode(), "root_path": "", "scheme": "http", "query_string": query.encode(),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {},
        }  # fmt: skip
        requests, sent = [{"type": "http.request", "body": body}], list[Any]()

        async def receive() -> Any:
            return requests.pop() if requests else await asyncio.Event().wait()

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)  # type: ignore[arg-type]
        headers_ = tuple(sorted(pair for pair in sent[0]["headers"] if pair[0] not in _PASSING))
        return Answered(sent[0]["status"], headers_, b"".join(part.get("body", b"") for part in sent[1:]))


class _Lent:
    """A CRM that reads and writes through one reader or writer only, and for whom that is."""

    def __init__(self, crm: CRM) -> None:
        self._crm, self.db = crm, None
        self.config = attrs.evolve(crm.config, server=Server(requests_per_minute=0))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._crm, name)

    def identify(self, _call: Any) -> Identity:
        access = self._db.access
        return Identity(Principal(access.user_id, access.name))

    @property
    def _db(self) -> Any:
        assert self.db is not None, "asked outside a transaction"
        return self.db

    @contextmanager
    def read(self, principal: Principal) -> Iterator[Any]:
        self._check(principal.user_id)
        yield self._db

    @contextmanager
    def write(self, principal: Principal, **_why: Any) -> Iterator[Any]:
        self._check(principal.user_id)
        # What a transaction of its own would take back.
        with self._db.attempt():
            yield self._db

    def _check(self, user: UUID | None) -> None:
        assert user == self._db.access.user_id, "asked for somebody else"
